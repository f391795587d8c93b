"""The level at which the package listens to a wave and makes one: rms 0.05 over the whole utterance."""

import math

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["RMS", "level_of", "scaled"]

RMS = 0.05
PART = 2**20

# Far below one step of 16 bits in an hour of zeros; what is quieter could not be scaled in single precision.
SILENCE = 1e-12


def level_of(wave: NDArray[np.float32]) -> float:
    """Root mean square of a wave [samples].

    Errors: not one channel, no sample, a sample that is no finite number, silence.
    """
    if wave.ndim != 1 or len(wave) == 0:
        raise InputError(f"a wave of shape {list(wave.shape)}", remedy="give one channel, [samples]")
    # In double precision even the quietest sample has a square; a part at a time, an hour needs no copy of its own.
    parts = (wave[i : i + PART].astype(np.float64) for i in range(0, len(wave), PART))
    energy = math.fsum(float(part @ part) for part in parts)
    if not math.isfinite(energy):
        raise InputError("a sample is not a finite number", remedy="write the sound anew")
    level = math.sqrt(energy / len(wave))
    if level < SILENCE:
        raise InputError("the wave is silent", remedy="give a sound that holds speech")
    return level


def scaled(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """The wave [samples] at rms 0.05; errors as of `level_of`."""
    loud: NDArray[np.float32] = wave * np.float32(RMS / level_of(wave))
    return loud
