"""Multi-scale split: half of the channels leave, normal given the other half (Glow, 2018; Real NVP, 2017).

    p(x_b | x_a) = N(mean(x_a), sd(x_a)^2),    eps = (x_b - mean(x_a)) / sd(x_a)

eps is kept: it is the level's code, and without it nothing can be decoded.
"""

import torch
from torch import Tensor, nn

from speech_factorization.dynamical.precision import full_precision
from speech_factorization.flow.glow.coupling import bounded, zero_convolution
from speech_factorization.flow.glow.transform import ImageTransform

__all__ = ["Split"]

# sd lies between exp(-BOUND) and exp(BOUND).
BOUND = 3.0


class Split(nn.Module):
    """Gives the transform x -> (x_a, eps), side by side; starts with mean 0 and sd 1.

    Mean and sd are one 3 x 3 convolution of x_a; a network as that of a coupling takes longer and gains nothing.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.network = zero_convolution(channels // 2, channels)

    def forward(self, mask: Tensor | None) -> "SplitTransform":
        return SplitTransform(self.network, mask)


class SplitTransform(ImageTransform):
    """network: x_a [N, C/2, H, W] -> mean and log sd [N, C, H, W]."""

    def __init__(self, network: nn.Module, mask: Tensor | None) -> None:
        super().__init__(mask)
        self.network = network

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(x_a, eps) and ln |det| [N]."""
        a, b = x.chunk(2, -1)
        mean, log_sd = self._prior(a)
        return torch.cat([a, (b - mean) * (-log_sd).exp()], -1), -log_sd.sum((1, 2, 3))

    def _inverse(self, y: Tensor) -> Tensor:
        a, eps = y.chunk(2, -1)
        mean, log_sd = self._prior(a)
        return torch.cat([a, mean + eps * log_sd.exp()], -1)

    def _prior(self, a: Tensor) -> tuple[Tensor, Tensor]:
        found = full_precision(self.network(a.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        mean, log_sd = found.chunk(2, -1)
        log_sd = bounded(log_sd, BOUND)
        if self.mask is None:
            return mean, log_sd
        real = self.mask.chunk(2, -1)[1]
        return mean * real, log_sd * real
