"""The source of speech: a band-limited pulse train whose phase runs on with F0, and noise.

    phi(t) = sum_{s < t} F0(s) / 16000        e(t) = sqrt(2 / K) sum_{k=1..K} cos(2 pi k phi(t))

K is the number of harmonics under 8 kHz, so e has power 1 where there is voice; it is 0 where there is none.
The phase stands still while nothing is voiced, and noise is a function of the sample's number: a part of a long
recording can be made by itself.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["FRAME", "Source", "phases", "pulses", "steady_noise"]

FRAME = 80
"""Samples of a frame of F0, whose value is that of the frame's middle."""

RATE = 16_000
_BLOCK = 1280


class Source(NamedTuple):
    """What drives a generator: phase [N, T] at the first sample of each frame of F0, and noise [N, 80 T]."""

    phase: Tensor
    noise: Tensor


def phases(f0: Tensor) -> Tensor:
    """Cycles in 0..1 at the first sample of each frame, [..., T] float64, of F0 in Hz [..., T], 0 = unvoiced."""
    first, rise = _lines(f0.double())
    cycles = (FRAME * first + rise * (FRAME - 1) / 2) / RATE
    return (cycles.cumsum(-1) - cycles).remainder(1)


def pulses(f0: Tensor, phase: Tensor) -> Tensor:
    """e [..., 80 T] of F0 in Hz and the phase at the first sample of each frame, [..., T] both."""
    first, rise = (line[..., None] for line in _lines(f0))
    n = torch.arange(FRAME, dtype=f0.dtype, device=f0.device)
    cycles = phase[..., None].to(f0.dtype) + (n * first + rise / FRAME * n * (n - 1) / 2) / RATE
    # The Dirichlet kernel: 1 + 2 sum_k cos(k x) = sin((2 K + 1) x / 2) / sin(x / 2), and 2 K + 1 at x = 0.
    count = (torch.ceil(RATE / 2 / first.clamp(min=1)) - 1).clamp(min=1)
    half = math.pi * (cycles - cycles.round())
    near = half.abs() < 1e-4
    kernel = ((2 * count + 1) * half).sin() / torch.where(near, 1.0, half.sin())
    kernel = torch.where(near, 2 * count + 1, kernel)
    e = torch.where(first > 0, (kernel - 1) / 2 * (2 / count).sqrt(), 0.0)
    return e.flatten(-2)


def steady_noise(begin: int, samples: int) -> Tensor:
    """N(0, 1) of samples begin .. begin + samples, [samples], the same whatever part of it is asked for."""
    first, last = begin // _BLOCK, -(-(begin + samples) // _BLOCK)
    random = torch.Generator()
    blocks = [torch.randn(_BLOCK, generator=random.manual_seed(block)) for block in range(first, last)]
    return torch.cat(blocks)[begin - first * _BLOCK :][:samples]


def _lines(f0: Tensor) -> tuple[Tensor, Tensor]:
    """F0 at the beginning of each frame [..., T], and how much it rises until its end; 0 where unvoiced.

    Between the middles of two voiced frames F0 goes straight; at the ends of voice it stays what it is.
    """
    before = torch.cat([f0[..., :1], f0[..., :-1]], -1)
    after = torch.cat([f0[..., 1:], f0[..., -1:]], -1)
    begin, end = (torch.where((f0 > 0) & (other > 0), (f0 + other) / 2, f0) for other in (before, after))
    return begin, end - begin
