"""Triangular bands on the mel scale, 1127 ln(1 + f / 700)."""

import torch
from torch import Tensor

__all__ = ["mel", "mel_bands", "mel_edges"]


def mel(frequencies: Tensor) -> Tensor:
    """Mel of frequencies in Hz."""
    return 1127 * torch.log1p(frequencies / 700)


def mel_edges(count: int, highest: float = 8000.0, lowest: float = 0.0) -> Tensor:
    """Hz at which `count` bands begin, have their peak and end: [count + 2], band i has i, i + 1 and i + 2."""
    bottom, top = mel(torch.tensor([lowest, highest])).tolist()
    return 700 * torch.expm1(torch.linspace(bottom, top, count + 2) / 1127)


def mel_bands(count: int, frequencies: Tensor, highest: float = 8000.0, lowest: float = 0.0) -> Tensor:
    """Triangles on the mel scale as means over bins: [count, bins], every row sums to one.

    frequencies: [bins] in Hz. A band narrower than the bins' distance takes the nearest bin.
    """
    edges = mel_edges(count, highest, lowest)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise, fall = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    weights = torch.minimum(rise, fall).clamp(min=0)
    empty = weights.sum(1) == 0
    nearest = (frequencies - centre).abs().argmin(1)
    weights[empty, nearest[empty]] = 1
    return weights / weights.sum(1, keepdim=True)
