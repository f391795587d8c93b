"""Factor manipulation by mean shift: the ICASSP 2021 table, with the rows it left out, by every judge."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from speech_factorization.reporting.published import read
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Factor manipulation x' = f(f^-1(x) + mu_target - mu_source): rise of the target class's posterior (delta) "
    "and change of the other factor's (side effect). Published: TIMIT, 38 phones x 40 speakers, MLP judge. "
    "identity shifts the log spectrogram itself; oracle is a real held-out segment of the target class and the "
    "same other factor, over the share of pairs that have one. A delta above the oracle's means that the judge is "
    "fooled: read all three. Published and own figures are of different corpora: compare the order, not the values."
)

JUDGES = {
    "MLP": "manipulation",
    "CNN": "manipulation_second_judge",
    "k-NN": "manipulation_third_judge",
}
FACTORS = ("phone", "speaker")


def build(results: Results) -> pd.DataFrame:
    """One row per model, judge and source; published rows first."""
    rows = [_published(name, figures) for name, figures in read("manipulation_timit").iterrows()]
    for name, found in results.metrics.items():
        for judge, block in JUDGES.items():
            if leaf(found, block) is not None:
                rows.append(_row(label(name, found), judge, found["phone_times"], found[block]))
    identity = results.metrics.get("identity", {})
    for judge, block in JUDGES.items():
        oracle = leaf(identity, f"{block}_oracle")
        if oracle is not None:
            rows.append(_row("oracle", judge, identity["phone_times"], oracle))
    return pd.DataFrame(rows).set_index("model")


def _row(model: str, judge: str, phone_times: str, block: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"model": model, "of": f"ours, {phone_times} times", "judge": judge}
    for factor in FACTORS:
        row[f"p target {factor}"] = leaf(block, f"{factor}.p_target_after")
        row[f"delta {factor}"] = leaf(block, f"{factor}.delta_target")
        row[f"side effect of {factor}"] = leaf(block, f"{factor}.delta_other")
        row[f"share of {factor}"] = leaf(block, f"{factor}.share")
    return row


def _published(name: object, figures: "pd.Series[float]") -> dict[str, Any]:
    row: dict[str, Any] = {"model": name, "of": "published, TIMIT", "judge": "MLP"}
    for factor in FACTORS:
        row[f"p target {factor}"] = figures[f"{factor}_p_target_after"]
        row[f"delta {factor}"] = figures[f"{factor}_delta_target"]
        row[f"side effect of {factor}"] = figures[f"{factor}_delta_other"]
    return row
