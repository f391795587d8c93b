"""How close resynthesised speech comes to the original.

Conventions
    reference, estimate: [samples] float, one channel, aligned in time, of equal length; rate in Hz.
    `prepare` makes such a pair as the benchmark of dynamical VAEs does (Bie et al., Interspeech 2021):
    scaled together to a peak of 0.9, cut to the shorter, rounded to 16-bit PCM.

Metrics
    rmse          root mean square error with the best scalar gain on the estimate; 0 is best
    pesq_wb       ITU-T P.862.2, wide band, MOS-LQO 1.04..4.64
    pesq_nb_raw   ITU-T P.862, narrow band, the raw score -0.5..4.5 (not mapped by P.862.1)
    stoi          short-time objective intelligibility (Taal et al., 2011), 1 is best
    estoi         its extension (Jensen and Taal, 2016), 1 is best
    si_sdr        scale-invariant signal-to-distortion ratio in dB (Le Roux et al., 2019), at most 100

A metric that has no value for a pair (silence, too short) raises `Undefined`; `evaluate` leaves it out.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pesq
import pystoi
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.undefined import Undefined

__all__ = [
    "METRICS",
    "Undefined",
    "estoi",
    "evaluate",
    "pesq_nb_raw",
    "pesq_wb",
    "prepare",
    "rmse",
    "si_sdr",
    "stoi",
    "validate",
]

Wave = NDArray[np.floating[Any]]

PEAK = 0.9
# What 16-bit PCM can hold ends near here; identical signals would have an infinite ratio.
SI_SDR_CEILING = 100.0


def validate(reference: Wave, estimate: Wave, rate: int) -> None:
    """Raise InputError unless both are finite, non-empty, one channel, equally long, at 8 or 16 kHz."""
    if reference.ndim != 1 or reference.shape != estimate.shape or len(reference) == 0:
        raise InputError(
            f"reference {list(reference.shape)} and estimate {list(estimate.shape)}",
            remedy="give two waves [samples] of equal length",
        )
    if not (np.isfinite(reference).all() and np.isfinite(estimate).all()):
        raise InputError("a wave holds NaN or infinity", remedy="check the model that made it")
    if rate not in (8000, 16_000):
        raise InputError(f"a rate of {rate} Hz", remedy="PESQ takes 8000 or 16000")


def prepare(reference: Wave, estimate: Wave) -> tuple[Wave, Wave]:
    """Scaled together to a peak of 0.9, cut to the shorter, rounded to 16-bit PCM (float64 in [-1, 1)).

    One factor for both, from the larger peak: the benchmark's RMSE comes out only so. An estimate with a
    high peak thus lowers its own RMSE a little; no other metric depends on the level.
    """
    samples = min(len(reference), len(estimate))
    peak = max(np.abs(reference).max(initial=0), np.abs(estimate).max(initial=0))
    scale = PEAK / peak if peak > 0 else 1.0
    return _pcm16(reference[:samples] * scale), _pcm16(estimate[:samples] * scale)


def _pcm16(wave: Wave) -> Wave:
    rounded: Wave = np.clip(np.rint(wave.astype(np.float64) * 32768), -32768, 32767) / 32768
    return rounded


def rmse(reference: Wave, estimate: Wave, rate: int = 16_000) -> float:
    """sqrt(mean((reference - gain * estimate)^2)) with the gain that makes it least."""
    validate(reference, estimate, rate)
    energy = float(estimate @ estimate)
    gain = float(reference @ estimate) / energy if energy > 0 else 0.0
    return math.sqrt(float(np.mean(np.square(reference - gain * estimate))))


def si_sdr(reference: Wave, estimate: Wave, rate: int = 16_000) -> float:
    """10 log10(|a r|^2 / |a r - e|^2) dB with a = <e, r> / |r|^2; between -100 and 100."""
    validate(reference, estimate, rate)
    _require_sound(reference, estimate)
    target = float(estimate @ reference) / float(reference @ reference) * reference
    noise = estimate - target
    signal, error = float(target @ target), float(noise @ noise)
    limit = 10 ** (SI_SDR_CEILING / 10)
    ratio = signal / error if error > 0 else limit
    return 10 * math.log10(min(max(ratio, 1 / limit), limit))


def pesq_wb(reference: Wave, estimate: Wave, rate: int = 16_000) -> float:
    """Wide-band PESQ (P.862.2), MOS-LQO; needs 16 kHz."""
    if rate != 16_000:
        raise InputError(f"a rate of {rate} Hz", remedy="wide-band PESQ takes 16000")
    return _pesq(reference, estimate, rate, "wb")


def pesq_nb_raw(reference: Wave, estimate: Wave, rate: int = 16_000) -> float:
    """Narrow-band PESQ (P.862), raw: the package's MOS-LQO mapped back through P.862.1's logistic."""
    lqo = _pesq(reference, estimate, rate, "nb")
    return (4.6607 - math.log(4 / (lqo - 0.999) - 1)) / 1.4945


def stoi(reference: Wave, estimate: Wave, rate: int = 16_000) -> float:
    """Short-time objective intelligibility."""
    return _stoi(reference, estimate, rate, extended=False)


def estoi(reference: Wave, estimate: Wave, rate: int = 16_000) -> float:
    """Extended short-time objective intelligibility."""
    return _stoi(reference, estimate, rate, extended=True)


METRICS: dict[str, Callable[[Wave, Wave, int], float]] = {
    "rmse": rmse,
    "pesq_wb": pesq_wb,
    "pesq_nb_raw": pesq_nb_raw,
    "stoi": stoi,
    "estoi": estoi,
    "si_sdr": si_sdr,
}


def evaluate(reference: Wave, estimate: Wave, rate: int = 16_000) -> dict[str, float]:
    """All metrics by name of a pair as it came, which `prepare` makes ready; undefined ones left out."""
    reference, estimate = prepare(reference, estimate)
    validate(reference, estimate, rate)
    scores = {}
    for name, metric in METRICS.items():
        try:
            scores[name] = metric(reference, estimate, rate)
        except Undefined:
            continue
    return scores


def _require_sound(reference: Wave, estimate: Wave) -> None:
    for name, wave in (("reference", reference), ("estimate", estimate)):
        if not np.any(wave):
            raise Undefined(f"the {name} is silent")


def _pesq(reference: Wave, estimate: Wave, rate: int, mode: str) -> float:
    validate(reference, estimate, rate)
    _require_sound(reference, estimate)
    try:
        score = float(pesq.pesq(rate, reference, estimate, mode))
    except pesq.PesqError as error:
        reason = error.args[0] if error.args else error
        raise Undefined(reason.decode() if isinstance(reason, bytes) else str(reason)) from error
    if not math.isfinite(score):
        raise Undefined("PESQ gave no number")
    return score


def _stoi(reference: Wave, estimate: Wave, rate: int, extended: bool) -> float:
    validate(reference, estimate, rate)
    _require_sound(reference, estimate)
    with warnings.catch_warnings(), _fixed_global_noise():
        # The package warns and returns 1e-5 where fewer than 30 frames hold speech.
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(pystoi.stoi(reference, estimate, rate, extended=extended))
        except (RuntimeWarning, ValueError) as reason:
            raise Undefined(f"STOI: {reason}") from reason


@contextmanager
def _fixed_global_noise() -> Iterator[None]:
    """pystoi's ESTOI adds noise of 1e-16 from NumPy's global state: fix it, then give the state back."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
