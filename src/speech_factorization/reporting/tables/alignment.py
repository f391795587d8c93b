"""Forced alignment: share of phone boundaries near the corpus's own."""

import pandas as pd

from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Forced alignment: share of phone boundaries (no silence on either side) within 10, 20 and 50 ms of the "
    "corpus's own, and the median distance in ms. The aligner saw no boundary. pauses: given in the sequence, or "
    "optional between words (which phones make a word is read off the labels) and found by the aligner: precision of "
    "those found, recall of those of 30 ms or more. Methods: A a "
    "monophone HMM at 10 ms, B at 5 ms, C a convolutional network; the boundaries that go on are their mean."
)

MEASURES = ("within_10ms", "within_20ms", "within_50ms", "median_ms", "boundaries")
PAUSES = ("pause_precision", "pause_recall")


def build(results: Results) -> pd.DataFrame:
    """One row for all speakers, one for those the aligner was not trained on, one per method."""
    found = results.metrics.get("alignment", {})
    blocks = {"all speakers": found, "held-out speakers": leaf(found, "held_out_speakers") or {}}
    for method, block in (leaf(found, "by_method") or {}).items():
        blocks[f"all speakers, method {method} alone"] = block
    rows = {title: {name: leaf(block, name) for name in MEASURES} for title, block in blocks.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(MEASURES))
    table.insert(0, "pauses", found.get("pauses"))
    if "optional_pauses" in found:
        for name in PAUSES:
            table.loc["all speakers", name] = found["optional_pauses"][name]
            table.loc["held-out speakers", name] = leaf(found, f"held_out_speakers.optional_pauses.{name}")
    table.index.name = "speakers"
    return table
