"""ConvNeXt over time (Liu et al., A ConvNet for the 2020s, CVPR 2022; for speech Siuzdak, Vocos, ICLR 2024)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FAST", "SLOW", "Backbone", "Block"]

KERNEL = 7
SLOW, FAST = 320, 160
"""Samples of a frame: 50 frames a second, where most of the work is done, then 100."""


class Block(nn.Module):
    """x + gamma W2 gelu(W1 norm(depthwise(x))) of x [N, T, channels]; gamma [channels] begins at a quarter."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide = nn.Linear(channels, hidden)
        self.narrow = nn.Linear(hidden, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.depthwise(x.mT).mT)
        y: Tensor = x + self.gamma * self.narrow(functional.gelu(self.wide(h)))
        return y


class Backbone(nn.Module):
    """Condition at 50 Hz [N, T, channels] -> [N, 2 T, channels] at 100 Hz.

    A convolution and `slow` blocks at 50 Hz, where a frame then becomes two, and `fast` blocks at 100 Hz.
    context: samples on either side that a frame depends on.
    """

    def __init__(self, channels: int, hidden: int, slow: int, fast: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, channels, KERNEL, padding=KERNEL // 2)
        self.slow = nn.Sequential(*(Block(channels, hidden) for _ in range(slow)))
        self.up = nn.Linear(channels, SLOW // FAST * channels)
        self.fast = nn.Sequential(*(Block(channels, hidden) for _ in range(fast)))
        self.norm = nn.LayerNorm(channels)
        self.context = (KERNEL // 2) * (SLOW * (1 + slow) + FAST * fast)

    def forward(self, x: Tensor) -> Tensor:
        x = self.slow(self.first(x.mT).mT)
        x = self.up(x).reshape(len(x), -1, x.shape[-1])
        y: Tensor = self.norm(self.fast(x))
        return y
