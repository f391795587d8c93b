"""Invertible 1 x 1 convolution, W = L U (Kingma and Dhariwal, Glow, 2018, section 3.2).

zuko's LULinearTransform along the last dimension, channels; there is no permutation P: it would only rename
channels that W has mixed.
"""

import torch
from torch import Tensor, nn
from zuko.transforms import LULinearTransform

from speech_factorization.flow.glow.transform import ImageTransform

__all__ = ["Convolution"]


class Convolution(nn.Module):
    """Gives y = L U x at every position; L has the diagonal, that of U is 1. Starts as a random rotation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lu = nn.Parameter(_factors(_rotation(channels)))

    @torch.no_grad()
    def initialise(self, x: Tensor, mask: Tensor | None) -> None:
        """Whiten the channels of x [N, H, W, C] and turn them at random: W = Q Sigma^-1/2."""
        rows = x.reshape(-1, x.shape[-1]) if mask is None else x[mask.all(-1)]
        if len(rows) <= x.shape[-1]:
            return
        values, vectors = torch.linalg.eigh(torch.cov(rows.T.double()))
        # A direction that hardly varies is not blown up without bound.
        values = values.clamp(min=1e-4 * float(values.max()))
        white = (vectors * values.rsqrt()) @ vectors.T
        self.lu.copy_(_factors(_rotation(x.shape[-1]).to(white) @ white))

    def forward(self, mask: Tensor | None) -> "ConvolutionTransform":
        return ConvolutionTransform(self.lu, mask)


class ConvolutionTransform(ImageTransform):
    """y = L U x; where part of a position's channels is padding it stays as it is."""

    def __init__(self, lu: Tensor, mask: Tensor | None) -> None:
        super().__init__(mask)
        self.linear = LULinearTransform(lu)
        self.whole = None if mask is None else mask.all(-1)

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and ln |det dy/dx| [N]."""
        # In mixed precision too: L U x and its inverse must be those of one matrix.
        with torch.autocast(x.device.type, enabled=False):
            y, ladj = self.linear.call_and_ladj(x.float() if x.dtype == torch.bfloat16 else x)
        if self.whole is None:
            return y, ladj.sum((1, 2))
        return torch.where(self.whole[..., None], y, x), (ladj * self.whole).sum((1, 2))

    def _inverse(self, y: Tensor) -> Tensor:
        w = self.linear.L @ self.linear.U
        # One small inverse in double precision: two triangular solves per position take many times longer.
        x = y @ torch.linalg.inv(w.double()).to(y).T
        found: Tensor = x if self.whole is None else torch.where(self.whole[..., None], x, y)
        return found


def _rotation(size: int) -> Tensor:
    q, r = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))
    rotation: Tensor = q * r.diagonal().sign()
    return rotation


def _factors(w: Tensor) -> Tensor:
    """L and U, in one matrix, of w with its rows in another order; the diagonal is L's."""
    _, lower, upper = torch.linalg.lu(w)
    d = upper.diagonal()
    found: Tensor = torch.tril(lower, -1) * d + torch.diag(d) + torch.triu(upper / d[:, None], 1)
    return found.float()
