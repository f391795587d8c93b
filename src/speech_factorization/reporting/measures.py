"""Measures of analysis-resynthesis, which way each is better, and results as rows by feeding.

Feeding is what an autoregressive model is given as x_{t-1} when it decodes: the truth, as in the benchmark
(Bie et al., Interspeech 2021), or the y_{t-1} it made itself (free running).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from speech_factorization.reporting.published import printed, read

__all__ = [
    "LIKELIHOOD",
    "METRICS",
    "NOT_FED",
    "OWN_PAST",
    "PUBLISHED",
    "TRUE_PAST",
    "Measure",
    "by_feeding",
    "column_digits",
]

NOT_FED, TRUE_PAST, OWN_PAST = "-", "true x(t-1)", "own y(t-1)"


@dataclass(frozen=True)
class Measure:
    """title: of a column; better: +1 if higher is better, -1 if lower is; digits: after the point."""

    title: str
    better: int
    digits: int


METRICS = {
    "rmse": Measure("RMSE", -1, 4),
    "pesq_nb_raw": Measure("PESQ raw nb", 1, 2),
    "pesq_wb": Measure("PESQ wb", 1, 2),
    "stoi": Measure("STOI", 1, 3),
    "estoi": Measure("ESTOI", 1, 3),
    "si_sdr": Measure("SI-SDR (dB)", 1, 2),
}

# Nats per frame; whether a higher KL is worse depends on beta, so none is better.
LIKELIHOOD = {
    "reconstruction": Measure("Itakura-Saito", -1, 1),
    "kl": Measure("KL", 0, 1),
    "kl_v": Measure("KL of v (nats per frame)", 0, 3),
}

# Metric of the benchmark's own table -> title of its column.
PUBLISHED = {name: f"published {METRICS[name].title}" for name in ("rmse", "pesq_nb_raw", "stoi")}


def column_digits() -> dict[str, int]:
    """Title of a column -> digits after the point, of published ones as many as were printed."""
    own = {measure.title: measure.digits for measure in (METRICS | LIKELIHOOD).values()}
    theirs = printed("dynamical_wsj0")
    return own | {title: theirs[name] for name, title in PUBLISHED.items()}


def by_feeding(model: str, value: Callable[[str], Any]) -> list[dict[str, Any]]:
    """One row for a model that is not autoregressive, else one per feeding there are figures of.

    value: dotted key of metrics/MODEL.json -> what stands there, or None. Columns: model, feeding, training (what
    an autoregressive model was fed when it was trained, None if unknown), beta, METRICS, LIKELIHOOD; the last are
    computed with the true past, so a free-running row has none.
    """
    ticks = read("dynamical_models")["autoregressive"]
    free_running = value("resynthesis_free_running.rmse") is not None
    fed = free_running or bool(ticks.get(model, 0))
    blocks = {"resynthesis": TRUE_PAST if fed else NOT_FED, "resynthesis_free_running": OWN_PAST}
    rows = []
    for block, feeding in blocks.items():
        if value(f"{block}.rmse") is not None:
            row: dict[str, Any] = {"model": model, "feeding": feeding}
            row["training"] = value("training_feeding") if fed else NOT_FED
            row["beta"] = value("likelihood.beta")
            row |= {name: value(f"{block}.{name}") for name in METRICS}
            row |= {n: None if feeding == OWN_PAST else value(f"likelihood.{n}") for n in LIKELIHOOD}
            rows.append(row)
    return rows
