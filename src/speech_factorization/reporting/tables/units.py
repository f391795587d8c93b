"""Content units of every type: what they keep of phones, speaker and F0, and what they cost."""

import pandas as pd

from speech_factorization.reporting.conversions import UNIT_FIGURES, UNITS
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Content units, of utterances of speakers that no part was trained on. PNMI: share of the phones' entropy that "
    "units tell (phone-normalised mutual information, Hsu et al. 2021); purity: share of frames whose phone is the "
    "commonest of their unit; phone accuracy: of phones read from the units around their middle. F0: share of the "
    "variance of log F0 within a speaker that is read from units, and accuracy of its range, of ten. Speaker "
    "accuracy: of all speakers, those trained on too; told from how often each unit comes in a held-out sentence. "
    "Less of the last three is better: F0 and speaker have codes of their own. usage: share of codes in use; "
    "perplexity: 2 to the unigram entropy; runs: of one unit. bps: bits per second, nominal (log2 of the codebook), "
    "by the units' own frequencies, and given the unit before. What the types hear, here and in the paper, is not the "
    "same: here k-means hears cepstra, VQ-VAE and CPC at scale demo log-mel bands normalised for the vocal tract, of "
    "100 codes, 50 a second of VQ-VAE and k-means and 100 of CPC; at scale paper these two hear the raw wave as the "
    "paper's do, VQ-VAE with 256 codes at 100 a second."
)


def build(results: Results) -> pd.DataFrame:
    """One row per type, then chance."""
    found = results.metrics.get("units", {})
    rows = {
        name: {measure.title: leaf(found, f"{name}.{key}") for key, measure in UNIT_FIGURES.items()}
        for name in (*UNITS, "chance")
        if name in found
    }
    titles = [measure.title for measure in UNIT_FIGURES.values()]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=titles)
    table.index.name = "units"
    return table.dropna(axis="columns", how="all") if rows else table
