"""Frames at any place of a wave, with the signal's own context."""

import torch
from torch import Tensor

__all__ = ["gather_frames"]


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
