"""Strided and dilated convolutions that the VQ-VAEs of units and of F0 share (Jukebox, Dhariwal et al., 2020)."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["GROWTH", "Downsample", "Residual"]

GROWTH = 3
"""Dilations grow by this from block to block."""


class Residual(nn.Module):
    """x + Conv1(ReLU(Conv3(ReLU(x)))), the wider one dilated; [B, C, T] -> the same."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.block(x)
        return found


class Downsample(nn.Sequential):
    """[B, inputs, T] -> [B, outputs, T / product of strides], T a multiple of it: strided convolutions.

    After each convolution `depth` residual blocks with dilations 1, 3, 9, ...; last a convolution over 3.
    context: outputs before and behind one that it may depend on.
    """

    def __init__(self, inputs: int, channels: int, outputs: int, strides: Sequence[int], depth: int) -> None:
        layers: list[nn.Module] = []
        reach, step = 0, 1
        for stride in strides:
            # The kernel is odd with an odd stride, and even with an even one: outputs lie in their hop's middle.
            kernel = 3 if stride == 1 else 2 * stride + stride % 2
            layers.append(nn.Conv1d(inputs, channels, kernel, stride, (kernel - stride) // 2))
            reach += step * kernel
            step, inputs = step * stride, channels
            for i in range(depth):
                layers.append(Residual(channels, GROWTH**i))
                reach += step * GROWTH**i
        super().__init__(*layers, nn.ReLU(), nn.Conv1d(inputs, outputs, 3, padding=1))
        self.context = math.ceil((reach + step) / step)
