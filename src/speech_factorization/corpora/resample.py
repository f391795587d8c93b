"""Waves of any rate as int16 at 16 kHz, block by block: a long recording is never whole in memory at full rate."""

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, resample_poly

from speech_factorization.corpora.base import SAMPLE_RATE

__all__ = ["sixteen_bit"]

_TAPS = 10
"""Zero crossings of the filter on either side: what `resample_poly` designs."""


def sixteen_bit(blocks: Iterable[NDArray[np.float64]], rate: int) -> Iterator[NDArray[np.int16]]:
    """[samples] of float64 in [-1, 1) at `rate` Hz to [samples] of int16 at 16 kHz.

    Put together they are `scipy.signal.resample_poly` of the whole, to the bit, wherever blocks end. 16 bits at
    16 kHz stay as they are. What overshoots is clipped.
    """
    if rate == SAMPLE_RATE:
        yield from map(_quantised, blocks)
        return
    divisor = math.gcd(SAMPLE_RATE, rate)
    up, down = SAMPLE_RATE // divisor, rate // divisor
    window = _low_pass(max(up, down))
    # The filter reaches so far to both sides, in steps of `down` samples, each `up` samples of the result.
    reach = -(-_TAPS * max(up, down) // (up * down))
    waiting = np.zeros(reach * down)
    for block in blocks:
        waiting = np.concatenate([waiting, block])
        steps = len(waiting) // down - 2 * reach
        if steps > 0:
            wave = resample_poly(waiting[: (steps + 2 * reach) * down], up, down, window=window)
            yield _quantised(wave[reach * up : (reach + steps) * up])
            waiting = waiting[steps * down :]
    if len(waiting) > reach * down:
        yield _quantised(resample_poly(waiting, up, down, window=window)[reach * up :])


@lru_cache(maxsize=4)
def _low_pass(factor: int) -> Any:
    """The filter that `resample_poly` designs for a change of rate by at most this factor, anew for every wave."""
    return firwin(2 * _TAPS * factor + 1, 1 / factor, window=("kaiser", 5.0))


def _quantised(wave: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.round(wave * 32768.0), -32768, 32767).astype(np.int16)
