"""A Gaussian of full covariance as a linear code: z = L^-1 (x - mean), Sigma = L L^T.

Its covariance is shrunk as by O. Ledoit and M. Wolf (A well-conditioned estimator for large-dimensional
covariance matrices, 2004). Dimensions may be missing from some place on: L is triangular, so the code of the
first dimensions is that of their own marginal.
"""

import torch
from torch import Tensor, nn

__all__ = ["LARGEST", "Whitening", "shrunk"]

# Dimensions of a full covariance: its factorisation takes seconds.
LARGEST = 4096
LEAST = 1e-4


def shrunk(covariance: Tensor, count: float, fourth: float, times: float = 1.0) -> Tensor:
    """(1 - rho) S + rho tr(S)/D I, [D, D].

    S: empirical covariance of `count` vectors around their mean; fourth: the mean of their |x|^4; times: of Ledoit's
    and Wolf's rho, so much is taken. Under 1 rho is 1e-4 at least, so that what is found can be inverted.
    """
    size = len(covariance)
    mu = covariance.diagonal().mean()
    distance = (covariance.square().sum() - size * mu.square()).clamp(min=1e-12)
    noise = (fourth - covariance.square().sum()) / count
    rho = float((noise / distance).clamp(0, 1))
    rho = rho if times == 1 else max(times * rho, LEAST)
    return (1 - rho) * covariance + rho * mu * torch.eye(size).to(covariance)


class Whitening(nn.Module):
    """x [N, D] <-> z [N, D]; starts as the identity. All it has are buffers, so a checkpoint holds them.

    mask [N, D]: which dimensions are real; the real ones of each row come first. Others are 0 in z and the
    mean in x.
    """

    mean: Tensor
    factor: Tensor
    count: Tensor
    first: Tensor
    second: Tensor
    fourth: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("factor", torch.eye(size))
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("first", torch.zeros(size))
        self.register_buffer("second", torch.zeros(size, size))
        self.register_buffer("fourth", torch.zeros(()))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """z of x."""
        centred = _real(x - self.mean, mask)
        with torch.autocast(x.device.type, enabled=False):
            z = torch.linalg.solve_triangular(self.factor, centred.T, upper=False).T
        return _real(z, mask)

    def inverse(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """x of z."""
        return _real(_real(z, mask) @ self.factor.T, mask) + self.mean

    def log_det(self, mask: Tensor | None = None) -> Tensor:
        """ln |det dz/dx|, [] or with a mask [N]."""
        logs = self.factor.diagonal().log()
        return -logs.sum() if mask is None else -(mask * logs).sum(1)

    @torch.no_grad()
    def fit(self, x: Tensor, mask: Tensor | None = None, rounds: int = 1, times: float = 1.0) -> None:
        """Mean and covariance of x; where dimensions are missing, by so many rounds of the EM algorithm.

        times: see `shrunk`.
        """
        weight = torch.ones_like(x) if mask is None else mask.to(x.dtype)
        self.mean.copy_(_real(x, mask).sum(0) / weight.sum(0).clamp(min=1))
        self.factor.copy_(torch.eye(len(self.factor)))
        for _ in range(rounds):
            self.gather(self(x, mask), mask)
            self.refit(times)

    @torch.no_grad()
    def gather(self, z: Tensor, mask: Tensor | None = None) -> None:
        """Take codes z into account at the next `refit`.

        Missing dimensions count as what they are expected to be, N(0, 1) (the E-step of the EM algorithm).
        """
        self.count += len(z)
        self.first += z.sum(0)
        with torch.autocast(z.device.type, enabled=False):
            self.second += z.T @ z
        norm = z.square().sum(1)
        if mask is not None:
            missing = (~mask).to(z.dtype).sum(0)
            self.second.diagonal().add_(missing)
            norm = norm + (~mask).sum(1)
        self.fourth += norm.square().sum()

    @torch.no_grad()
    def refit(self, times: float = 1.0) -> None:
        """Mean and covariance of what was gathered, and gather anew; nothing happens with fewer than two codes.

        times: see `shrunk`.
        """
        if self.count < 2:
            return
        n = float(self.count)
        b = self.first.double() / n
        s = self.second.double() / n - torch.outer(b, b)
        step = torch.linalg.cholesky(shrunk(s, n, float(self.fourth) / n, times))
        factor = self.factor.double()
        self.mean += (factor @ b).to(self.mean)
        self.factor.copy_(factor @ step)
        for gathered in (self.count, self.first, self.second, self.fourth):
            gathered.zero_()

    @torch.no_grad()
    def widen(self, variance: float) -> None:
        """Add `variance` to every dimension, as independent noise does."""
        factor = self.factor.double()
        self.factor.copy_(
            torch.linalg.cholesky(factor @ factor.T + variance * torch.eye(len(factor)).to(factor))
        )


def _real(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x * mask
