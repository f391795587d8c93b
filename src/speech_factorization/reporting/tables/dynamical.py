"""Analysis-resynthesis with dynamical VAEs: the benchmark's table, with beta and the true KL beside it."""

import pandas as pd

from speech_factorization.reporting.published import read
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Analysis-resynthesis of whole utterances of test speakers. Published: WSJ0, Interspeech 2021. PESQ raw nb: "
    "the narrow-band P.862 score. SRNN is fed the true x(t-1), there and here. SI-SDR: at most 100 by definition. "
    "Itakura-Saito and KL: nats per frame. Published and own figures are of different corpora: compare the order, "
    "not the values."
)

OURS = {
    "RMSE": "resynthesis.rmse",
    "PESQ raw nb": "resynthesis.pesq_nb_raw",
    "PESQ wb": "resynthesis.pesq_wb",
    "STOI": "resynthesis.stoi",
    "ESTOI": "resynthesis.estoi",
    "SI-SDR (dB)": "resynthesis.si_sdr",
    "Itakura-Saito": "likelihood.reconstruction",
    "KL": "likelihood.kl",
    "beta": "likelihood.beta",
}


def build(results: Results) -> pd.DataFrame:
    """One row per model with analysis-resynthesis; published columns first."""
    published = read("dynamical_wsj0")[["rmse", "pesq_nb_raw", "stoi"]]
    published.columns = pd.Index(["published RMSE", "published PESQ raw nb", "published STOI"])
    rows = {
        name: {title: leaf(found, key) for title, key in OURS.items()}
        for name, found in results.metrics.items()
        if leaf(found, "resynthesis.rmse") is not None
    }
    ours = pd.DataFrame.from_dict(rows, orient="index", columns=list(OURS))
    order = ["identity", *published.index, *(name for name in ours.index if name not in published.index)]
    joined = published.join(ours, how="right").reindex(
        [name for name in dict.fromkeys(order) if name in rows]
    )
    joined.index.name = "model"
    return joined
