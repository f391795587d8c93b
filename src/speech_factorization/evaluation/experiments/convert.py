"""A whole sound converted: 200 ms at a time, changed as segments are, and overlap-added.

A stretch of the sound is covered by windows of 20 frames, one in its middle where it is short enough, else one
every 50 ms. Every window's log spectrogram is moved by the same shift of its code; where windows overlap, what
becomes of them is cross-faded with weights that sum to one. Beyond both ends of a stretch the change is faded
out over 30 ms. Sound is made with the original's phase, or by Griffin-Lim.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from speech_factorization.evaluation.experiments.shift import decode, encode
from speech_factorization.features.segment_sound import (
    griffin_lim,
    level,
    log_magnitude,
    spectrum,
    utterance_frames,
    wave_of,
)
from speech_factorization.features.segments import FRAMES, HOP, WINDOW

__all__ = ["Sound", "Stretch", "change", "cover"]

STEP = 5  # frames from window to window
FADE = 3  # frames, beyond the ends of a stretch

# Begin and end of what is changed, in samples.
Stretch = tuple[int, int]


def cover(begin: int, end: int, frames: int) -> list[int]:
    """First frames of the windows over the frames `begin` to `end` and their fades, of `frames` (20 or more)."""
    first, last = max(begin - FADE, 0), min(end + FADE, frames - 1)
    if last - first < FRAMES:
        return [min(max(round((begin + end - FRAMES + 1) / 2), 0), frames - FRAMES)]
    latest = last - FRAMES + 1
    return [*range(first, latest, STEP), latest]


def change(model: Any, x: Tensor, shift: Tensor, stretches: Sequence[Stretch] | None = None) -> Tensor:
    """Log magnitudes x [T, 200] of a `Sound`, on the CPU, changed in the stretches.

    shift: what is added to every window's z, on the model's device. stretches: None changes all of x.
    """
    frames = len(x)
    places = [(0, frames - 1)]
    mask = torch.ones(frames, 1)
    if stretches is not None:
        places = [(round(begin / HOP), round(end / HOP)) for begin, end in stretches]
        mask = _mask(places, frames)
    starts = torch.tensor(sorted({start for place in places for start in cover(*place, frames)}))
    index = starts[:, None] + torch.arange(FRAMES)
    moved = decode(model, encode(model, x[index].to(shift.device)) + shift).cpu()
    rise = torch.arange(FRAMES, dtype=x.dtype) + 0.5
    triangle = torch.minimum(rise, FRAMES - rise)[:, None]
    total = torch.zeros_like(x).index_add(0, index.flatten(), (triangle * moved).flatten(0, 1))
    weights = triangle.repeat(len(starts), 1)
    weight = x.new_zeros(frames, 1).index_add(0, index.flatten(), weights)
    return x + mask * torch.where(weight > 0, total / weight - x, 0)


def _mask(places: Sequence[tuple[int, int]], frames: int) -> Tensor:
    """One in every place, faded out beyond both its ends, [frames, 1]."""
    at = torch.arange(frames)
    mask = torch.zeros(frames)
    for begin, end in places:
        outside = torch.maximum(begin - at, at - end).clamp(0, FADE + 1)
        mask = torch.maximum(mask, 0.5 + 0.5 * torch.cos(math.pi * outside / (FADE + 1)))
    return mask[:, None]


@dataclass(frozen=True)
class Sound:
    """A wave [samples], 16 kHz, as log magnitudes x [T, 200] that can be changed and made a sound again.

    spectrum: complex [T, 201], of the wave times `scale`, the level that segments are cut at.
    """

    samples: int
    scale: Tensor
    spectrum: Tensor

    @classmethod
    def of(cls, wave: Tensor) -> "Sound":
        """Errors: a wave that is silent."""
        scale = level(wave)
        return cls(len(wave), scale, spectrum(wave * scale, utterance_frames(len(wave))))

    @property
    def x(self) -> Tensor:
        """Log magnitudes, [T, 200]."""
        return log_magnitude(self.spectrum)

    def wave(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The wave [samples] of other log magnitudes x [T, 200], at its own level.

        The phase is the original's, or, where a generator is given, found by Griffin-Lim.
        """
        found = wave_of(x, self.spectrum) if generator is None else griffin_lim(x, generator)
        # Both begin half a window before the first frame's centre, which is the first sample.
        return found[WINDOW // 2 :][: self.samples] / self.scale
