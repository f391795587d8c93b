"""The page over seeds of dynamical VAEs: analysis-resynthesis, and the benchmark's claims (Bie et al., 2021)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from speech_factorization.reporting.claims import claims
from speech_factorization.reporting.measures import by_feeding
from speech_factorization.reporting.seeds import claims_over_seeds, figures_over_seeds
from speech_factorization.reporting.settings import Setting

__all__ = ["INTRODUCTION", "TOP", "overview", "results", "tables"]

TOP = "resynthesis.rmse"
TRAINING = "training_feeding"

INTRODUCTION = (
    "Feeding: what an autoregressive model is given as x(t-1) when it decodes. "
    "Training: what it was given then. Itakura-Saito and KL (the true one): nats per frame, with the true x(t-1). "
    "Resynthesis is at the posterior mean, Itakura-Saito and KL are of a sample of z. Published: WSJ0, Interspeech "
    "2021, always fed the truth, its own betas; another corpus: compare the order, not the values.",
    "A claim holds in a seed if the first model is better (>) in every comparison, both of that seed; there is "
    "no test of significance. In brackets: the closest comparison, or the one lost most clearly, the mean values "
    "of its two models and, over seeds, the margin; positive is better. A tie decides nothing. Unlike beta or "
    "training: in how many comparisons the two were trained at another beta or, both autoregressive, one with "
    "scheduled sampling and one without, whose gain cannot be told from the property's. The comparisons:",
    "\n".join(f"- {claim.statement}: {claim.compared}" for claim in claims()),
)


def results(members: pd.DataFrame, figure: Callable[["pd.Series[Any]", str], Any]) -> pd.DataFrame:
    """Rows by feeding: seed, and the columns of `by_feeding`. figure: row, dotted key -> what stands there."""

    def value(row: "pd.Series[Any]", key: str) -> Any:
        return _training(row) if key == TRAINING else figure(row, key)

    found = []
    for _, row in members.iterrows():
        for fed in by_feeding(str(row["model"]), partial(value, row)):
            found.append({"seed": row["seed"], **fed})
    return pd.DataFrame(found)


def _training(row: "pd.Series[Any]") -> str:
    """What the model was fed in training: as evaluate says, else by the parameter, which collect always writes."""
    if row.get(TRAINING, "") not in ("", "null"):
        return str(row[TRAINING])
    value = row.get(f"hp.{row['model']}.scheduled_sampling")
    if value is None:
        return "unknown"
    return "truth" if value in ("", "null") else "scheduled sampling"


def tables(rows: pd.DataFrame) -> list[pd.DataFrame | str]:
    """Of one setting: figures, then claims."""
    told = claims_over_seeds(rows)
    return [
        figures_over_seeds(rows),
        told if len(told) else "One of these models alone: no claim can be told.",
    ]


def overview(found: list[tuple[Setting, pd.DataFrame]]) -> pd.DataFrame | None:
    """None: settings stand apart."""
