"""The page over seeds of factorization: manipulation by every judge, its claims, and what the codes hold."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from speech_factorization.reporting.factorization import PARTS_OF, WEIGHTS, by_judge
from speech_factorization.reporting.factorization_claims import STATED
from speech_factorization.reporting.factorization_seeds import (
    claims_over_seeds,
    codes_over_seeds,
    figures_over_seeds,
    grid,
)
from speech_factorization.reporting.representation import by_code
from speech_factorization.reporting.settings import Setting, title

__all__ = ["INTRODUCTION", "TOP", "overview", "results", "tables"]

TOP = "manipulation.phone.delta_target"

INTRODUCTION = (
    "Factor manipulation x' = f(f^-1(x) + mu_target - mu_source): rise of the target class's posterior (delta) and "
    "change of the other factor's (side effect), by three judges. identity shifts the log spectrogram itself; oracle "
    "is a real held-out segment of the target class and the same other factor. dnf: phones are changed by the model "
    "trained with phone labels, speakers by that trained with speaker labels, both of one seed. means: of the "
    "training segments' codes (empirical), or those the model has learned. weight: of the discriminative loss; 0 is "
    "the paper's likelihood; A + B + C: B and C those of the consistency and the matching of moved codes. These know "
    "every factor a model has parts of, so fdnf's are also against side effects and dnf's are not. Published: TIMIT, "
    "ICASSP 2021, MLP judge; another corpus: compare the order, not the values.",
    "A claim holds in a seed if the first model is better (>) in every comparison, both of that seed; there is no test "
    "of significance. A side effect is what the other factor's posterior loses; a gain is none. In brackets: the "
    "closest comparison, or the one lost most clearly, the mean values of its two models and, over seeds, the margin; "
    "positive is better. unlike weight: in how many comparisons the two were trained with another weight. "
    "The comparisons:",
    "\n".join(f"- {claim.statement}: {claim.compared}" for claim, _ in STATED),
    "Codes of test segments, the whole z and its parts: balanced accuracy of reading a factor's class by linear "
    "discriminant analysis and by a network of one hidden layer; variance of class means over that within classes "
    "(F-ratio, 0 for noise) and silhouette. A code of more than 256 dimensions is read along some axes only.",
)


def results(members: pd.DataFrame, figure: Callable[["pd.Series[Any]", str], Any]) -> pd.DataFrame:
    """Rows by judge and means, and rows by code (column `code`; empty in the others), each with its seed.

    figure: row, dotted key -> what stands there.
    """

    def value(row: "pd.Series[Any]", key: str) -> Any:
        found = figure(row, key)
        return figure(row, f"hp.{row['model']}.{key}") if key in WEIGHTS and found is None else found

    parts = []
    for seed, of_seed in members.groupby("seed"):
        values = {str(row["model"]): partial(value, row) for _, row in of_seed.iterrows()}
        for part in (by_judge(values), by_code(values)):
            parts.append(part.assign(seed=seed))
    return pd.concat(parts, ignore_index=True)


def tables(rows: pd.DataFrame) -> list[pd.DataFrame | str]:
    """Of one setting: figures, claims, codes."""
    moved, codes = rows[rows["code"].isna()], rows[rows["code"].notna()]
    told = claims_over_seeds(moved)
    found: list[pd.DataFrame | str] = [figures_over_seeds(moved)]
    found.append(told if len(told) else "One of these models alone: no claim can be told.")
    return [*found, codes_over_seeds(codes)] if len(codes) else found


def overview(found: list[tuple[Setting, pd.DataFrame]]) -> pd.DataFrame | None:
    """Every model in every setting that matters for it, once; None where there is one setting."""
    if len(found) < 2:
        return None
    parts = []
    for setting, rows in found:
        moved = rows[rows["code"].isna()]
        labels = {model: _own(setting, str(model)) for model in moved["model"].unique()}
        parts.append(moved.assign(setting=moved["model"].map(labels)))
    return grid(pd.concat(parts))


def _own(setting: Setting, model: str) -> str:
    """What of a setting a model depends on, in one line."""
    own = set(PARTS_OF[model].values()) if model in PARTS_OF else {model}
    kept = {k: v for k, v in setting.items() if not k.startswith("hp.") or k.split(".")[1] in own}
    return title(kept) if kept else ""
