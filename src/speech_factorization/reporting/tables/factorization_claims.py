"""Claims about factorization, held to the paper's own figures and to ours, by every judge."""

from functools import partial

import pandas as pd

from speech_factorization.reporting.factorization import (
    EMPIRICAL,
    FACTORS,
    MEASURES,
    SIDE_EFFECT,
    by_judge,
)
from speech_factorization.reporting.factorization_claims import verdicts, verdicts_by_judge
from speech_factorization.reporting.published import printed, read
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Claims about factor manipulation, factor by factor and judge by judge: a claim holds if the first model is "
    "better (>) in every comparison: a higher delta, a smaller side effect (what the other factor's posterior loses; "
    "a gain is none). In brackets: the closest comparison, or the one lost most clearly, and the values of its two "
    "models. One seed: a small margin says little. dnf is two models, as in the table of manipulation. unlike weight: "
    "in how many comparisons the two were trained with another weight, so that what the factorial "
    "prior gains cannot be told. means: those models are moved by (where they have learned any, else empirical ones). "
    "Published: TIMIT, ICASSP 2021, MLP judge; the paper has no identity. Equal as printed is a tie."
)


def build(results: Results) -> pd.DataFrame:
    """One row per claim, factor and means; the published verdicts first."""
    told = verdicts_by_judge(
        by_judge({name: partial(leaf, found) for name, found in results.metrics.items()})
    )
    # The paper's are of the means its models have learned or of others: it does not say, so they stand once.
    published = _published().reindex(pd.MultiIndex.from_frame(told[["claim", "factor"]])).to_numpy()
    told.insert(
        5,
        "published, MLP",
        [p if m == EMPIRICAL else "" for p, m in zip(published, told["means"], strict=True)],
    )
    return told.set_index("claim")


def _published() -> "pd.Series[str]":
    """Verdicts of the paper's own figures."""
    figures = read("manipulation_timit").rename(columns=lambda name: name.replace("_", ".", 1))
    digits = {name.replace("_", ".", 1): count for name, count in printed("manipulation_timit").items()}
    for factor in FACTORS:
        figures[f"{factor}.{SIDE_EFFECT}"] = (-figures[f"{factor}.delta_other"]).clip(lower=0)
        digits[f"{factor}.{SIDE_EFFECT}"] = digits[f"{factor}.delta_other"]
    results = figures[list(MEASURES)].assign(seed=0).rename_axis("model").reset_index()
    return verdicts(results, digits)
