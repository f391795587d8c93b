"""What a codec gives back of a sound."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["Coded", "NotThere", "fitted"]

Wave = NDArray[np.float32]


class NotThere(InputError):
    """A codec's program is not installed, or does not work; the message says what and what to do."""


@dataclass(frozen=True)
class Coded:
    """wave: [samples] decoded, 16 kHz, as long as the original; bits: of the code; file_bits: with its container."""

    wave: Wave
    bits: int
    file_bits: int


def fitted(wave: NDArray[np.floating], samples: int) -> Wave:
    """Cut, or filled with silence, to so many samples."""
    found = np.zeros(samples, np.float32)
    found[: min(len(wave), samples)] = wave[:samples]
    return found
