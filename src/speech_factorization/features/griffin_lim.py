"""Sound of magnitudes alone (Griffin and Lim, Signal estimation from modified short-time Fourier transform, 1984).

Accelerated (Perraudin, Balazs and Sondergaard, A fast Griffin-Lim algorithm, 2013).
"""

import math

import torch
from torch import Tensor

from speech_factorization.features.framing import overlap_add

__all__ = ["griffin_lim"]

ITERATIONS = 32
MOMENTUM = 0.99


def griffin_lim(
    magnitude: Tensor,
    window: Tensor,
    hop: int,
    fft: int,
    generator: torch.Generator,
    iterations: int = ITERATIONS,
) -> Tensor:
    """The wave [(T - 1) hop + W] of magnitudes [T, fft / 2 + 1] under `window` [W]; starts from random phases."""
    length = len(window)

    def wave(spectrum: Tensor) -> Tensor:
        return overlap_add(torch.fft.irfft(spectrum, fft)[:, :length], window, hop)

    phase = 2 * math.pi * torch.rand(magnitude.shape, generator=generator, dtype=magnitude.dtype)
    found = torch.polar(magnitude, phase.to(magnitude.device))
    before = torch.zeros_like(found)
    for _ in range(iterations):
        consistent = torch.fft.rfft(wave(found).unfold(0, length, hop) * window, fft)
        towards = consistent + MOMENTUM * (consistent - before)
        found = torch.polar(magnitude, towards.angle())
        before = consistent
    return wave(found)
