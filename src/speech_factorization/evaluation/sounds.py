"""What experiments give to hear."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.corpora.base import SAMPLE_RATE

__all__ = ["audible", "repeated"]

PEAK = 0.5
CEILING = 0.99
FADE = SAMPLE_RATE // 200  # 5 ms


def repeated(wave: Tensor, times: int = 10) -> Tensor:
    """A short wave [samples] so many times over, faded in and out at each join, so that nothing clicks."""
    ramp = 0.5 - 0.5 * torch.cos(math.pi * (torch.arange(FADE) + 0.5) / FADE)
    faded = wave.clone()
    faded[:FADE] *= ramp
    faded[-FADE:] *= ramp.flip(0)
    return faded.repeat(times)


def audible(waves: Mapping[str, Tensor], reference: str) -> dict[str, NDArray[np.float32]]:
    """The waves [samples] at one level, which gives `reference` the peak 0.5; none is over 0.99."""
    gain = PEAK / max(float(waves[reference].abs().max()), 1e-8)
    found = {}
    for name, wave in waves.items():
        loudest = float(wave.abs().max()) * gain
        found[name] = (wave * (gain * min(1.0, CEILING / max(loudest, 1e-8)))).cpu().numpy()
    return found
