"""The prior of the last level: normal, of full covariance in closed form or learned channel by channel."""

import torch
from torch import Tensor, nn

from speech_factorization.features.whitening import Whitening
from speech_factorization.flow.glow.actnorm import ActNorm
from speech_factorization.flow.glow.transform import ImageTransform

__all__ = ["DiagonalTop", "FullTop"]


class DiagonalTop(ActNorm):
    """Mean and variance of every channel, learned (Glow's own prior)."""

    def gather(self, z: Tensor, mask: Tensor | None) -> None:
        """Nothing is fitted."""

    def refit(self) -> None:
        """Nothing is fitted."""


class FullTop(nn.Module):
    """Mean and covariance of all values, fitted in closed form (features/whitening.py).

    late [H, W, C]: how late a value may become padding; it is whitened after those that are not later.
    """

    order: Tensor

    def __init__(self, late: Tensor) -> None:
        super().__init__()
        self.whitening = Whitening(late.numel())
        self.register_buffer("order", late.flatten().argsort(stable=True), persistent=False)

    def forward(self, mask: Tensor | None) -> "FullTopTransform":
        return FullTopTransform(self.whitening, self.order, mask)

    def initialise(self, x: Tensor, mask: Tensor | None) -> None:
        """Start from the values x [N, H, W, C]."""
        self.whitening.fit(*self._in_order(x, mask))

    def gather(self, z: Tensor, mask: Tensor | None) -> None:
        """Take codes z [N, H, W, C] into account at the next `refit`."""
        self.whitening.gather(*self._in_order(z, mask))

    def refit(self) -> None:
        """Mean and covariance of what was gathered since the last time."""
        self.whitening.refit()

    def _in_order(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return _in_order(x, self.order), None if mask is None else _in_order(mask, self.order)


class FullTopTransform(ImageTransform):
    """z = L^-1 (x - mean)."""

    def __init__(self, whitening: Whitening, order: Tensor, mask: Tensor | None) -> None:
        super().__init__(mask)
        self.whitening, self.order = whitening, order
        self.real = None if mask is None else _in_order(mask, order)

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z and ln |det dz/dx| [N]."""
        z = self.whitening(_in_order(x, self.order), self.real)
        return self._back(z, x), self.whitening.log_det(self.real).expand(len(x))

    def _inverse(self, y: Tensor) -> Tensor:
        x = self.whitening.inverse(_in_order(y, self.order), self.real)
        return self._real(self._back(x, y))

    def _back(self, flat: Tensor, like: Tensor) -> Tensor:
        found = torch.empty_like(flat)
        found[:, self.order] = flat
        return found.view_as(like)


def _in_order(x: Tensor, order: Tensor) -> Tensor:
    return x.flatten(1)[:, order]
