"""Analysis-resynthesis with dynamical VAEs: the benchmark's table, with feeding, beta and the true KL in it."""

from functools import partial

import pandas as pd

from speech_factorization.reporting.measures import LIKELIHOOD, METRICS, OWN_PAST, PUBLISHED, by_feeding
from speech_factorization.reporting.published import read
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Analysis-resynthesis of whole utterances of test speakers. Published: WSJ0, Interspeech 2021, always fed the "
    "truth; its beta is the effective one of the authors' code. feeding: what an autoregressive model is given when "
    "it decodes, the true x(t-1) or its own y(t-1); codes come from the true x in both. trained on: what it was given "
    "in training. Resynthesis is at the posterior mean, Itakura-Saito and KL are of a sample of z. PESQ raw nb: the "
    "narrow-band P.862 score. SI-SDR: at most 100 by definition. Itakura-Saito and KL: nats per frame, with the true "
    "x(t-1); KL is the true one, without beta. beta: of z (0.0002: 1/4800); figures of unlike betas are no fair "
    "comparison. Published and own figures are of different corpora: compare the order, not the values."
)


def build(results: Results) -> pd.DataFrame:
    """One row per model and feeding; published columns first."""
    published = read("dynamical_wsj0")
    order = ["identity", *published.index]
    order += [name for name in results.metrics if name not in order]
    found = [
        row
        for name in order
        if name in results.metrics
        for row in by_feeding(name, partial(leaf, results.metrics[name]))
    ]
    ours = pd.DataFrame(found, columns=["model", "feeding", *METRICS, *LIKELIHOOD, "training", "beta"])
    theirs = published.reindex(ours["model"])[[*PUBLISHED, "beta"]].set_index(ours.index)
    theirs.columns = pd.Index([*PUBLISHED.values(), "published beta"])
    theirs.loc[ours["feeding"] == OWN_PAST] = float("nan")
    titles = {name: measure.title for name, measure in (METRICS | LIKELIHOOD).items()}
    table = pd.concat([ours[["model", "feeding"]], theirs, ours.drop(columns=["model", "feeding"])], axis=1)
    labels = {name: label(name, nested) for name, nested in results.metrics.items()}
    return table.rename(columns=titles | {"training": "trained on"}).set_index("model").rename(index=labels)
