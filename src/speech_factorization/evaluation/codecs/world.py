"""WORLD's analysis and synthesis (Morise et al., IEICE Trans. 2016), nothing quantised.

What is left of speech without its phases: no vocoder of units can be expected to be much closer to the original.
"""

import numpy as np
import pyworld
from numpy.typing import NDArray

from speech_factorization.evaluation.codecs.base import fitted

__all__ = ["resynthesise"]

RATE = 16_000
MILLISECONDS = 5.0
LOWEST, HIGHEST = 60.0, 500.0  # Hz


def resynthesise(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """wave [samples] at 16 kHz by F0 (DIO, StoneMask), envelope (CheapTrick) and aperiodicity (D4C) every 5 ms."""
    x = wave.astype(np.float64)
    f0, times = pyworld.dio(x, RATE, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=MILLISECONDS)
    f0 = pyworld.stonemask(x, f0, times, RATE)
    envelope = pyworld.cheaptrick(x, f0, times, RATE)
    aperiodicity = pyworld.d4c(x, f0, times, RATE)
    return fitted(pyworld.synthesize(f0, envelope, aperiodicity, RATE, MILLISECONDS), len(wave))
