"""Figures of factor manipulation: how they are called, and results as rows by judge and by means.

A row: model, judge, means, weight (of the discriminative loss, and of consistency where
it has one, as text) and FACTOR.FIGURE. `dnf` is two models, as
in the paper (ICASSP 2021): phones are changed by the one trained with phone labels (dnf_phone), speakers by the one
trained with speaker labels (dnf_speaker). `oracle` stands with the results of the model without parameters.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from speech_factorization.reporting.measures import Measure

__all__ = [
    "EMPIRICAL",
    "FACTORS",
    "FIGURES",
    "JUDGES",
    "LEARNED",
    "MEASURES",
    "ORACLE",
    "PARTS_OF",
    "SIDE_EFFECT",
    "by_judge",
    "column_digits",
    "in_order",
    "with_means",
]

Value = Callable[[str], Any]

FACTORS = ("phone", "speaker")
JUDGES = {"MLP": "manipulation", "CNN": "manipulation_second_judge", "k-NN": "manipulation_third_judge"}

EMPIRICAL, LEARNED, NO_MEANS = "empirical", "learned", "-"
BLOCKS = {EMPIRICAL: "", LEARNED: "_learned_means"}
ORACLE = "oracle"

PARTS_OF = {"dnf": {"phone": "dnf_phone", "speaker": "dnf_speaker"}}
ORDER = ("identity", "segment_vae", "nf", "dnf_phone", "dnf_speaker", "dnf", "fdnf")

# Key in metrics/MODEL.json -> title of its column.
FIGURES = {
    "p_target_before": "p target {} before",
    "p_target_after": "p target {}",
    "delta_target": "delta {}",
    "p_other_before": "p other before, {} changed",
    "delta_other": "side effect of {}",
    "share": "share of {}",
}

SIDE_EFFECT = "side_effect"

# What claims are judged by. A side effect is what the other factor's posterior loses; a gain is none.
MEASURES = {f"{factor}.delta_target": Measure(f"delta {factor}", 1, 3) for factor in FACTORS} | {
    f"{factor}.{SIDE_EFFECT}": Measure(f"side effect of {factor}", -1, 3) for factor in FACTORS
}


def column_digits() -> dict[str, int]:
    """Title of a column -> digits after the point."""
    return {title.format(factor): 3 for title in FIGURES.values() for factor in FACTORS}


def by_judge(values: Mapping[str, Value]) -> pd.DataFrame:
    """One row per model, judge and means there are figures of.

    values: model -> what stands at a dotted key of its metrics, or None. In the order of the paper, the oracle last.
    """
    sources = {model: dict.fromkeys(FACTORS, value) for model, value in values.items()}
    for model, parts in PARTS_OF.items():
        own = {factor: values[part] for factor, part in parts.items() if part in values}
        sources = {name: of for name, of in sources.items() if name not in parts.values()}
        if own:
            sources[model] = {factor: own.get(factor, _nothing) for factor in FACTORS}
    rows = []
    for model in in_order(sources):
        for judge, block in JUDGES.items():
            for means, suffix in BLOCKS.items():
                rows.append(_row(model, judge, means, block + suffix, sources[model]))
    for judge, block in JUDGES.items():
        rows.append(_row(ORACLE, judge, NO_MEANS, f"{block}_oracle", sources.get("identity", {})))
    figures = [f"{factor}.{figure}" for factor in FACTORS for figure in FIGURES]
    columns = ["model", "judge", "means", "weight", *figures]
    found = pd.DataFrame([row for row in rows if len(row) > 4], columns=columns)
    for factor in FACTORS:
        lost = -pd.to_numeric(found[f"{factor}.delta_other"])
        found[f"{factor}.{SIDE_EFFECT}"] = lost.clip(lower=0)
    return found


WEIGHTS = ("discriminative", "consistency", "matching")


def _nothing(key: str) -> None:
    """The figures of a model that was not run."""


def _row(model: str, judge: str, means: str, block: str, sources: Mapping[str, Value]) -> dict[str, Any]:
    """The figures of one block; sources: factor -> whose figures stand in its columns. Without any: no figure."""
    weight = ", ".join(sorted({_weight(value) for value in sources.values()} - {""}))
    row: dict[str, Any] = {"model": model, "judge": judge, "means": means, "weight": weight}
    for factor, value in sources.items():
        figures = {f"{factor}.{name}": value(f"{block}.{factor}.{name}") for name in FIGURES}
        row |= {name: figure for name, figure in figures.items() if figure is not None}
    return row


def _weight(value: Value) -> str:
    """`20`, or `20 + 60 + 0.1` with the consistency's and the matching's; empty for a model without."""
    weights = [float(w) for w in map(value, WEIGHTS) if w is not None]
    return " + ".join(f"{w:g}" for i, w in enumerate(weights) if w or i == 0)


def in_order(models: Mapping[str, Any]) -> list[str]:
    """As in the paper's table, identity first, others last in their own order."""
    return [name for name in ORDER if name in models] + [name for name in models if name not in ORDER]


def with_means(rows: pd.DataFrame, means: str) -> pd.DataFrame:
    """Rows of one row per model and judge: with these means where the model has them, else with the empirical."""
    keys = [name for name in ("model", "judge", "seed") if name in rows]
    wanted = rows[rows["means"].isin([means, EMPIRICAL, NO_MEANS])]
    # The wanted one comes first: True sorts behind False.
    ordered = wanted.assign(last=wanted["means"] != means).sort_values("last", kind="stable")
    return ordered.drop_duplicates(keys).drop(columns="last").sort_index()
