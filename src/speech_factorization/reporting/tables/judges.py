"""The judges every manipulated sound is scored with: held-out accuracy of each."""

from typing import Any

import pandas as pd

from speech_factorization.reporting.tables.base import Results

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Judges, frozen before any model is trained: accuracy on held-out sentences, what naming the most frequent "
    "class would give (chance), and the equal error rate (EER) of the verification network on held-out speakers, "
    "with the mean cosine of pairs of the same and of different speakers."
)

ROWS = {
    "mlp": "MLP",
    "cnn": "CNN",
    "knn": "k-NN",
    "chance": "chance",
    "vowel": "vowel images",
    "vowel_chance": "vowel images, chance",
    "verification": "verification",
}
NAMES = {"eer": "EER", "cosine_same": "cosine, same", "cosine_different": "cosine, different"}


def build(results: Results) -> pd.DataFrame:
    """One row per judge, one column per factor it judges."""
    found = results.metrics.get("judges", {})
    rows: list[dict[str, Any]] = []
    for judge, title in ROWS.items():
        if judge in found:
            times = {} if judge == "verification" else {"phone times": found["phone_times"]}
            rows.append({"judge": title} | times | {NAMES.get(k, k): v for k, v in found[judge].items()})
    return pd.DataFrame(rows, columns=None if rows else ["judge"]).set_index("judge")
