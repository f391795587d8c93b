"""The benchmark's claims about dynamical VAEs, held to its own figures, to the later review's and to ours."""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from speech_factorization.reporting.claims import UNLIKE, claims, fed, unlike, verdicts
from speech_factorization.reporting.measures import (
    METRICS,
    NOT_FED,
    OWN_PAST,
    PUBLISHED,
    TRUE_PAST,
    by_feeding,
)
from speech_factorization.reporting.published import printed, read
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "The benchmark's claims, metric by metric: a claim holds if the first model is better (>) in every comparison. In "
    "brackets: the closest comparison, or the one lost most clearly, and the values of its two models. One seed: a "
    "small margin says little. Figures equal as printed are tied and decide nothing. Other properties equal: pairs "
    "that differ in this one alone of autoregression, the exact posterior's structure and dynamics on z; by these "
    "three only, since rvae, unlike dkf, also generates from future z. Which comparisons make up a claim about the "
    "posterior or about dynamics is our reading of the paper. unlike beta or training: in how many comparisons of "
    "ours the two were trained at another beta or, both autoregressive, one with scheduled sampling and one without, "
    "so that what the property gains cannot be told. Imported weights are left out: they were trained on something "
    "else than the others. Published: WSJ0, Interspeech 2021; there every model with dynamics on z, and no other, was "
    "trained at beta 1/4800 instead of 1, so that what dynamics gain and what beta does cannot be told apart. "
    "Review: the later review, other analysis and training; free running there is SRNN alone."
)

REVIEW = {"si_sdr_review": "si_sdr", "pesq_review": "pesq_nb_raw", "estoi_review": "estoi"}


def build(results: Results) -> pd.DataFrame:
    """Two rows per claim, one per feeding; published verdicts first."""
    found = [
        row
        for name, nested in results.metrics.items()
        if "weights" not in nested
        for row in by_feeding(name, partial(leaf, nested))
    ]
    ours = pd.DataFrame(found, columns=["model", "feeding", "training", "beta", *METRICS]).assign(seed=0)
    published, review = _published()
    theirs, again = printed("dynamical_wsj0"), printed("dynamical_wsj0_free_running")
    review_digits = {name: max(theirs[column], again[column]) for column, name in REVIEW.items()}
    parts = []
    for feeding in (TRUE_PAST, OWN_PAST):
        shown = [
            _titled(published, "published ", list(PUBLISHED), feeding, theirs),
            _titled(review, "review ", list(REVIEW.values()), feeding, review_digits),
            _titled(ours, "", list(METRICS), feeding),
        ]
        part = pd.concat(shown, axis=1)
        fair = "" if _lacks(ours, feeding) else [unlike(fed(ours, feeding), claim) for claim in claims()]
        part.insert(len(PUBLISHED) + len(REVIEW), UNLIKE, fair)
        part.insert(0, "compared", [claim.compared for claim in claims()])
        part.insert(1, "feeding", feeding)
        parts.append(part)
    # Both feedings of one claim stand together.
    return pd.concat(parts).loc[[claim.statement for claim in claims()]]


def _titled(
    results: pd.DataFrame,
    prefix: str,
    metrics: list[str],
    feeding: str,
    as_printed: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Verdicts with titles; empty where nothing was measured free running. as_printed: see `verdicts`."""
    told = verdicts(fed(results, feeding), metrics, as_printed)
    if _lacks(results, feeding):
        told = told.map(lambda _: "")
    return told.rename(columns={name: prefix + METRICS[name].title for name in metrics})


def _lacks(results: pd.DataFrame, feeding: str) -> bool:
    """Whether own output was to be fed back, and was to no model."""
    return feeding == OWN_PAST and feeding not in set(results["feeding"])


def _published() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The benchmark's figures and the review's, as results of one seed."""
    figures = read("dynamical_wsj0")
    ticks = read("dynamical_models")["autoregressive"]
    fed_truth = ticks[figures.index].map({0: NOT_FED, 1: TRUE_PAST})
    figures = figures.assign(feeding=fed_truth, seed=0).reset_index()
    own = read("dynamical_wsj0_free_running").query("training == 'truth'")
    own = own.assign(feeding=OWN_PAST, seed=0).reset_index()
    columns = ["model", "feeding", "seed"]
    review = pd.concat([figures[[*columns, *REVIEW]], own[[*columns, *REVIEW]]]).rename(columns=REVIEW)
    return figures[[*columns, *PUBLISHED]], review
