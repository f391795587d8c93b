"""From the log spectrograms of vowels back to sound: the inverse of `features.vowels`.

A picture says nothing of the phase: that of a real vowel is taken, frame by frame at a 1 ms hop, or it is found by
Griffin and Lim's iterations. With 25 frames over every sample the wave is that of the least squared error to them.
"""

import torch
from torch import Tensor

from speech_factorization.features import griffin_lim as phases
from speech_factorization.features.framing import overlap_add
from speech_factorization.features.vowels import FFT, HOP, SCALE, WINDOW

__all__ = ["by_griffin_lim", "wave_of"]

TINY = 1e-9  # what has no phase is no sound


def wave_of(x: Tensor, original: Tensor) -> Tensor:
    """Sound [frames * 16] of log magnitudes x [frames, 257] with the phase of a spectrum of that shape.

    original: as `vowel_spectrum` gives it; the wave is in [-1, 1) where the original was. The floor, log 1 = 0, is
    silence.
    """
    frames = torch.fft.irfft(original * (_magnitude(x) / original.abs().clamp(min=TINY)), FFT)[:, :WINDOW]
    return _cut(overlap_add(frames, _window(x), HOP), len(x))


def by_griffin_lim(x: Tensor, generator: torch.Generator, iterations: int = phases.ITERATIONS) -> Tensor:
    """Sound [frames * 16] of log magnitudes x [frames, 257] alone; starts from random phases."""
    return _cut(phases.griffin_lim(_magnitude(x), _window(x), HOP, FFT, generator, iterations), len(x))


def _magnitude(x: Tensor) -> Tensor:
    return torch.where(x > 0, x.exp(), 0)


def _window(x: Tensor) -> Tensor:
    return torch.hann_window(WINDOW, dtype=x.dtype, device=x.device)


def _cut(wave: Tensor, frames: int) -> Tensor:
    """The frames' own milliseconds: the first begins (WINDOW - HOP) / 2 behind the first sample of its window."""
    return wave[(WINDOW - HOP) // 2 :][: frames * HOP] / SCALE
