"""Frames at any place of a wave, with the signal's own context, and back from frames to a wave."""

import torch
from torch import Tensor

__all__ = ["gather_frames", "overlap_add"]

# Where a frame's window has all but ended it says nothing of the sample.
LEAST = 1e-3


def gather_frames(wave: Tensor, starts: Tensor, length: int) -> Tensor:
    """Frames [..., length] that begin at sample starts [...] of wave [samples].

    What lies before the first sample or behind the last is the wave reflected there (the end sample itself
    not repeated), as often as needed.
    """
    if starts.numel() == 0:
        return wave.new_zeros((*starts.shape, length))
    samples = wave.shape[-1]
    first, last = int(starts.min()), int(starts.max())
    index = torch.arange(first, last + length, device=wave.device)
    # A reflected signal repeats every 2 (samples - 1).
    index = index.remainder(max(2 * (samples - 1), 1))
    stretch = wave[torch.where(index < samples, index, 2 * (samples - 1) - index)]
    # All frames of the stretch lie in it as a view: only those asked for are copied.
    return stretch.unfold(0, length, 1)[starts - first]


def overlap_add(frames: Tensor, window: Tensor, hop: int) -> Tensor:
    """The wave [(T - 1) hop + W] whose frames, times `window` [W], are nearest to `frames` [T, W] in all.

    Where hardly any window reaches, the wave ends in silence.
    """
    count, length = frames.shape
    samples = (count - 1) * hop + length
    index = hop * torch.arange(count, device=frames.device)[:, None]
    index = (index + torch.arange(length, device=frames.device)).flatten()
    total = frames.new_zeros(samples).index_add(0, index, (frames * window).flatten())
    weights = window.square().expand_as(frames).flatten()
    weight = frames.new_zeros(samples).index_add(0, index, weights)
    wave: Tensor = total / weight.clamp(min=LEAST)
    return wave
