"""Affine coupling of channels (Dinh et al., Real NVP, 2017; Kingma and Dhariwal, Glow, 2018, section 3.3).

    y_a = x_a,    y_b = (x_b + t(x_a)) exp(BOUND tanh(s(x_a) / BOUND))

The bound holds for any input; Glow's own sigmoid(s + 2) lets what was never seen explode.
"""

import torch
from torch import Tensor, nn

from speech_factorization.dynamical.precision import full_precision
from speech_factorization.flow.glow.transform import ImageTransform

__all__ = ["BOUND", "Coupling", "bounded", "zero_convolution"]

BOUND = 1.5


def bounded(s: Tensor, bound: float = BOUND) -> Tensor:
    """bound * tanh(s / bound)."""
    # torch's logistic function takes a third of its tanh's time.
    return 2 * bound * torch.sigmoid(s * (2 / bound)) - bound


def zero_convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """3 x 3, zero at first."""
    found = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.zeros_(found.weight)
    nn.init.zeros_(found.bias)  # type: ignore[arg-type]
    return found


class Coupling(nn.Module):
    """Gives the transform of the second half of the channels given the first; starts as the identity.

    hidden: channels of the network, 3 x 3, 1 x 1 and 3 x 3 convolutions.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(channels // 2, hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, hidden, 1),
            nn.ReLU(inplace=True),
            zero_convolution(hidden, channels),
        )

    def forward(self, mask: Tensor | None) -> "CouplingTransform":
        return CouplingTransform(self.network, mask)


class CouplingTransform(ImageTransform):
    """network: x_a [N, C/2, H, W] -> t and s [N, C, H, W]."""

    def __init__(self, network: nn.Module, mask: Tensor | None) -> None:
        super().__init__(mask)
        self.network = network

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and ln |det dy/dx| [N]."""
        a, b = x.chunk(2, -1)
        t, s = self._affine(a)
        return torch.cat([a, (b + t) * s.exp()], -1), s.sum((1, 2, 3))

    def _inverse(self, y: Tensor) -> Tensor:
        a, b = y.chunk(2, -1)
        t, s = self._affine(a)
        return torch.cat([a, b * (-s).exp() - t], -1)

    def _affine(self, a: Tensor) -> tuple[Tensor, Tensor]:
        """t and the bounded s; both 0 where x_b is padding."""
        # Channels stand last here and first there: the convolutions take that as it lies in memory.
        t, s = full_precision(self.network(a.permute(0, 3, 1, 2))).permute(0, 2, 3, 1).chunk(2, -1)
        s = bounded(s)
        if self.mask is None:
            return t, s
        real = self.mask.chunk(2, -1)[1]
        return t * real, s * real
