"""What the paper says of discrete units and conversion, held to its own figures and to ours."""

from functools import partial
from typing import Any

import pandas as pd

from speech_factorization.reporting.conversions import UNITS
from speech_factorization.reporting.resynthesis_claims import CLAIMS, Claim, decide, obstacle, ours_of, theirs
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Claims about discrete units and voice conversion: a claim holds if the first figure is the smaller in every "
    "comparison. In brackets: the closest comparison, or the one lost most clearly, and its two values. One seed: a "
    "small margin says little. The statements, and that two hundredths of an error are near, are our reading: the "
    "paper gives tables and no tests. Where it measures by recognisers and ears, ours are probes of units and judges "
    "of this pipeline, so the same claim is held to other evidence. Published: VCTK, Interspeech 2021. Ours of units: "
    "those of this run, k-means on cepstra among them, which the paper has not. At scale demo VQ-VAE and CPC hear "
    "log-mel bands normalised for the vocal tract, of 100 codes, 50 (VQ-VAE, k-means) or 100 (CPC) a second; at "
    "scale paper, as in the paper, the raw wave, VQ-VAE with 256 codes, 100 a second. Ours on conversion is "
    "decided only where what it is held to is usable, else it cannot tell: speaker EER of the own voice below .25, "
    "phone error of reconstruction below .5; of flattening, where F0 as it was correlates above .5 with the "
    "original's; of clustered units, where the model speaks from such. EERs of seen and unseen targets are over pools "
    "of unlike size, and the judges' network was trained on the seen speakers (these or other utterances of theirs): "
    "the table conversion has real speech of each pool."
)


def build(results: Results) -> pd.DataFrame:
    """One row per claim."""
    units = results.metrics.get("units", {})
    there = [name for name in UNITS if name in units]
    model: Any = next((found for found in results.metrics.values() if "conversion" in found), {})
    value = partial(ours_of, partial(leaf, units), partial(leaf, model))
    rows = {
        claim.statement: {
            "compared": claim.compared,
            "published": decide(claim.published, theirs).text(3) if claim.published else "",
            "ours": _ours(claim, there, value, leaf(model, "content_units")),
        }
        for claim in CLAIMS
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["compared", "published", "ours"])
    table.index.name = "claim"
    return table


def _ours(claim: Claim, there: list[str], value: Any, content_units: Any) -> str:
    """The verdict on comparisons of units that were made, or why there is none; empty where no figure is known."""
    of_units = [one for one in claim.ours if one.first.split(".")[0] in UNITS]
    kept = [one for one in of_units if {one.first.split(".")[0], one.second.split(".")[0]} <= set(there)]
    verdict = decide(kept if of_units else claim.ours, value)
    if not verdict.compared:
        return ""
    why = obstacle(claim, value, content_units)
    return f"cannot tell ({why})" if why else verdict.text(3)
