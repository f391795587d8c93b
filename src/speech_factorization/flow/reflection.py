"""An orthogonal matrix Q [D, D] whose first w columns span a given subspace, without D^2 numbers.

    Q = I - 2 P P^T,    P [D, w] orthonormal

is the reflection that turns the subspace to the first w axes (Schreiber and Parlett, Block reflectors: theory
and computation, SIAM J. Numer. Anal. 1988). It is its own inverse, and its products take 2 D w
multiply-adds per vector. A chain of w Householder reflections (compact WY) would do the same, but its
triangular factor may be ill-conditioned: in float32 that cost a hundred times the accuracy.
"""

import torch
from torch import Tensor, nn

__all__ = ["Reflection"]


class Reflection(nn.Module):
    """u = Q x of row vectors x [N, D]; the identity until `set`."""

    P: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("P", torch.zeros(size, width))

    @torch.no_grad()
    def set(self, basis: Tensor) -> None:
        """Let the first w columns of Q span those of the orthonormal `basis` [D, w]."""
        w = basis.shape[1]
        # With the polar decomposition of its upper block, B_1 = S H, the columns of B + [S; 0] span P.
        left, h, right = torch.linalg.svd(basis[:w].double())
        P = basis.double().clone()
        P[:w] += left @ right
        self.P.copy_(P @ right.T / (2 * (1 + h)).sqrt())

    @property
    def columns(self) -> Tensor:
        """The first w columns of Q [D, w], in float64."""
        P = self.P.double()
        w = P.shape[1]
        return torch.eye(*P.shape, dtype=P.dtype, device=P.device) - 2 * P @ P[:w].T

    def forward(self, x: Tensor) -> Tensor:
        """Q x, [N, D]; also x of Q x."""
        return torch.addmm(x, x @ self.P, self.P.T, alpha=-2)
