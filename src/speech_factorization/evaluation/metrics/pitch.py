"""How close one contour of F0 comes to another.

Conventions
    reference, estimate: [T] F0 in Hz, 0 where unvoiced, of the same frames; recordings may follow one another.

Metrics
    vde                 voicing decision error: share of all frames whose voicing is wrong
    gpe                 gross pitch error: share of the frames voiced in both whose F0 is off by more than 20 % of
                        the reference (Nakatani et al., Speech Communication 2008)
    ffe                 F0 frame error: share of all frames with either fault (Chu and Alwan, ICASSP 2009)
    f0_rmse             root mean square error in Hz, over frames voiced in both
    f0_rmse_cents       the same in cents, 1200 to the octave
    log_f0_correlation  Pearson's correlation of log F0 over frames voiced in both

A metric that has no value for a pair (no frame voiced in both) raises `Undefined`; `evaluate` leaves it out.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.undefined import Undefined

__all__ = [
    "METRICS",
    "evaluate",
    "f0_rmse",
    "f0_rmse_cents",
    "ffe",
    "gpe",
    "log_f0_correlation",
    "validate",
    "vde",
]

GROSS = 0.2

F0 = NDArray[np.float64]


def validate(reference: ArrayLike, estimate: ArrayLike) -> tuple[F0, F0]:
    """Both as arrays; errors: other shapes, no frame, F0 that is negative or no number."""
    r, e = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if r.ndim != 1 or r.shape != e.shape or len(r) == 0:
        raise InputError(
            f"reference {list(r.shape)} and estimate {list(e.shape)}",
            remedy="give two F0 [T] of equal length",
        )
    if not (np.isfinite(r).all() and np.isfinite(e).all() and min(r.min(), e.min()) >= 0):
        raise InputError("F0 that is negative or no number", remedy="give Hz, 0 where unvoiced")
    return r, e


def vde(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Share of all frames whose voicing is wrong."""
    r, e = validate(reference, estimate)
    return float(np.mean((r > 0) != (e > 0)))


def gpe(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Share of the frames voiced in both that are off by more than 20 %."""
    r, e = _voiced(reference, estimate)
    return float(np.mean(_gross(r, e)))


def ffe(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Share of all frames whose voicing is wrong or that are off by more than 20 %."""
    r, e = validate(reference, estimate)
    both = (r > 0) & (e > 0)
    return float(np.mean(((r > 0) != (e > 0)) | (both & _gross(r, e))))


def f0_rmse(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Root mean square error in Hz over frames voiced in both."""
    r, e = _voiced(reference, estimate)
    return float(np.sqrt(np.mean(np.square(r - e))))


def f0_rmse_cents(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Root mean square error in cents over frames voiced in both."""
    r, e = _voiced(reference, estimate)
    return float(np.sqrt(np.mean(np.square(1200 * np.log2(e / r)))))


def log_f0_correlation(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Pearson's correlation of log F0 over frames voiced in both."""
    r, e = (np.log(f0) for f0 in _voiced(reference, estimate))
    r, e = r - r.mean(), e - e.mean()
    scale = float(np.sqrt((r @ r) * (e @ e)))
    # What is left of a constant by rounding is no variation.
    if scale <= 1e-12 * len(r):
        raise Undefined("an F0 that does not vary has no correlation")
    return float(np.clip(r @ e / scale, -1, 1))


METRICS: Mapping[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "vde": vde,
    "gpe": gpe,
    "ffe": ffe,
    "f0_rmse": f0_rmse,
    "f0_rmse_cents": f0_rmse_cents,
    "log_f0_correlation": log_f0_correlation,
}


def evaluate(reference: ArrayLike, estimate: ArrayLike) -> dict[str, float]:
    """All metrics by name; undefined ones left out."""
    scores = {}
    for name, metric in METRICS.items():
        try:
            scores[name] = metric(reference, estimate)
        except Undefined:
            continue
    return scores


def _voiced(reference: ArrayLike, estimate: ArrayLike) -> tuple[F0, F0]:
    """The frames voiced in both. Error: Undefined where there is none."""
    r, e = validate(reference, estimate)
    both = (r > 0) & (e > 0)
    if not both.any():
        raise Undefined("no frame is voiced in both")
    return r[both], e[both]


def _gross(r: F0, e: F0) -> NDArray[np.bool_]:
    gross: NDArray[np.bool_] = np.abs(e - r) > GROSS * r
    return gross
