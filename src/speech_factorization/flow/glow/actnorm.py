"""ActNorm: y = (x - mean) / sd of every channel, started from data (Kingma and Dhariwal, Glow, 2018, section 3.1)."""

import torch
from torch import Tensor, nn

from speech_factorization.flow.glow.transform import ImageTransform

__all__ = ["ActNorm"]


class ActNorm(nn.Module):
    """Gives y = exp(log_scale) (x + shift). `initialised` is saved with the weights."""

    initialised: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(channels))
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def initialise(self, x: Tensor, mask: Tensor | None) -> None:
        """Mean 0 and variance 1 of every channel over the real values of x [N, H, W, C]."""
        weight = torch.ones_like(x) if mask is None else mask.to(x.dtype)
        count = weight.sum((0, 1, 2)).clamp(min=1)
        mean = (x * weight).sum((0, 1, 2)) / count
        variance = ((x - mean).square() * weight).sum((0, 1, 2)) / count
        self.shift.copy_(-mean)
        self.log_scale.copy_(-0.5 * variance.clamp(min=1e-10).log())
        self.initialised.fill_(True)

    def forward(self, mask: Tensor | None) -> "ActNormTransform":
        return ActNormTransform(self.shift, self.log_scale, mask)


class ActNormTransform(ImageTransform):
    """y = exp(log_scale) (x + shift); both [C]."""

    def __init__(self, shift: Tensor, log_scale: Tensor, mask: Tensor | None) -> None:
        super().__init__(mask)
        self.shift, self.log_scale = shift, log_scale

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and ln |det dy/dx| [N]."""
        y = self._real((x + self.shift) * self.log_scale.exp())
        if self.mask is None:
            return y, (self.log_scale.sum() * (x.shape[1] * x.shape[2])).expand(len(x))
        return y, (self.mask * self.log_scale).sum((1, 2, 3))

    def _inverse(self, y: Tensor) -> Tensor:
        return self._real(y * (-self.log_scale).exp() - self.shift)
