"""Diagonal Gaussians, their divergence, and the noise they are sampled with."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Gaussian", "standard", "standard_noise"]


class Gaussian(NamedTuple):
    """N(mean, diag(exp(logvar))); both [..., D]."""

    mean: Tensor
    logvar: Tensor

    def sample(self, eps: Tensor) -> Tensor:
        """mean + sigma * eps [..., D], differentiable in both (Kingma & Welling, 2014)."""
        return self.mean + eps * torch.exp(0.5 * self.logvar)

    def kl_of_each(self, p: "Gaussian") -> Tensor:
        """KL(self || p) of every dimension in nats: [..., D]."""
        log_ratio = self.logvar - p.logvar
        distance = (self.mean - p.mean).square() * torch.exp(-p.logvar)
        return 0.5 * (torch.exp(log_ratio) - log_ratio - 1 + distance)

    def kl(self, p: "Gaussian") -> Tensor:
        """KL(self || p) in nats, summed over dimensions: [...]."""
        return self.kl_of_each(p).sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        """ln N(x), nats, summed over dimensions: [...]."""
        error = (x - self.mean).square() * torch.exp(-self.logvar)
        return -0.5 * (error + self.logvar + math.log(2 * math.pi)).sum(-1)


def standard(like: Tensor) -> Gaussian:
    """N(0, I) of the shape of `like`."""
    zero = torch.zeros_like(like)
    return Gaussian(zero, zero)


def standard_noise(shape: Sequence[int], generator: torch.Generator | None, like: Tensor) -> Tensor:
    """eps ~ N(0, I), drawn where the generator lives and moved to the device and type of `like`.

    So one CPU generator gives the same noise on every device. Without a generator, zeros.
    """
    if generator is None:
        return like.new_zeros(tuple(shape))
    eps = torch.randn(tuple(shape), generator=generator, device=generator.device)
    return eps.to(like)
