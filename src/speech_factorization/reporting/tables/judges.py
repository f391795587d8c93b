"""The judges every manipulated sound is scored with: held-out accuracy of each."""

import pandas as pd

from speech_factorization.reporting.tables.base import Results

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Judges, frozen before any model is trained: accuracy on held-out sentences, what naming the most frequent "
    "class would give (chance), and the equal error rate of the verification network on held-out speakers."
)


def build(results: Results) -> pd.DataFrame:
    """One row per judge and what it judges."""
    found = results.metrics.get("judges", {})
    times = found.get("phone_times")
    rows = [
        {"judge": judge, "of": name, "value": value, "phone times": times}
        for judge, block in found.items()
        if isinstance(block, dict) and judge != "not_answered"
        for name, value in sorted(block.items())
    ]
    return pd.DataFrame(rows, columns=["judge", "of", "value", "phone times"]).set_index("judge")
