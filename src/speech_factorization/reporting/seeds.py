"""Results over seeds: mean and standard deviation of every figure, and the claims they bear out.

Rows: model, seed, training, feeding, beta and the columns of `measures.METRICS` and `LIKELIHOOD`, of one setting.
"""

import pandas as pd

from speech_factorization.reporting.claims import UNLIKE, claims, fed, unlike, verdicts
from speech_factorization.reporting.measures import (
    LIKELIHOOD,
    METRICS,
    OWN_PAST,
    PUBLISHED,
    TRUE_PAST,
    column_digits,
)
from speech_factorization.reporting.published import read

__all__ = ["claims_over_seeds", "count_seeds", "figures_over_seeds", "spread"]


def figures_over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per model and feeding: `mean +- standard deviation (n - 1)` as text, the mean alone of one seed.

    The published figures stand first; there is none of a model fed its own output.
    """
    theirs, shown = read("dynamical_wsj0"), column_digits()
    measures = {name: m for name, m in (METRICS | LIKELIHOOD).items() if rows[name].notna().any()}
    found = []
    for (model, training, feeding), part in rows.groupby(["model", "training", "feeding"]):
        betas = sorted({f"{beta:.3g}" for beta in part["beta"].dropna()})
        row: dict[str, str] = {"model": str(model), "beta": ", ".join(betas), "training": str(training)}
        row |= {"feeding": str(feeding), "seeds": count_seeds(part)}
        there = model in theirs.index and feeding != OWN_PAST
        row |= {
            title: f"{float(theirs[name][str(model)]):.{shown[title]}f}" if there else ""
            for name, title in PUBLISHED.items()
        }
        found.append(
            row | {measure.title: spread(part[name], measure.digits) for name, measure in measures.items()}
        )
    order = ["identity", *read("dynamical_models").index]
    found.sort(key=lambda row: (_place(row["model"], order), row["model"], row["feeding"] == OWN_PAST))
    return pd.DataFrame(found)


def claims_over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per claim and feeding, a verdict per metric; no row where fewer than two of the models are there.

    The column of `claims.unlike` says how many of the comparisons are no fair ones.
    """
    models = {model for claim in claims() for pair in claim.pairs for model in pair}
    if len(models & set(rows["model"])) < 2:
        return pd.DataFrame()
    metrics = [name for name in METRICS if rows[name].notna().any()]
    parts = []
    for feeding in (TRUE_PAST, OWN_PAST):
        if feeding == TRUE_PAST or feeding in set(rows["feeding"]):
            part = verdicts(fed(rows, feeding), metrics).reset_index()
            part.insert(1, "feeding", feeding)
            part.insert(2, "seeds", count_seeds(fed(rows, feeding)))
            part.insert(3, UNLIKE, [unlike(rows, claim) for claim in claims()])
            parts.append(part)
    titles = {name: METRICS[name].title for name in metrics}
    # Both feedings of one claim stand together.
    return pd.concat(parts).sort_index(kind="stable").rename(columns=titles)


def count_seeds(rows: pd.DataFrame) -> str:
    """How many seeds there are, as text."""
    count = rows["seed"].nunique()
    return "one seed" if count == 1 else str(count)


def spread(values: "pd.Series[float]", digits: int) -> str:
    """`mean +- standard deviation (n - 1)`, the mean alone of one value, empty of none."""
    known = values.dropna().astype(float)
    if known.empty:
        return ""
    deviation = f" +- {known.std():.{digits}f}" if len(known) > 1 else ""
    return f"{known.mean():.{digits}f}{deviation}"


def _place(model: str, order: list[str]) -> int:
    return order.index(model) if model in order else len(order)
