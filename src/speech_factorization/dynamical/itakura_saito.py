"""Itakura-Saito divergence of power spectrograms.

Up to a constant it is the negative log-likelihood of an STFT frame under a circular complex Gaussian
of zero mean and variance y (Fevotte, Bertin and Durrieu, Neural Computation 2009).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["FLOOR", "itakura_saito", "power_noise"]

# 120 dB under a bin of power 1: below the quantisation noise of 16-bit audio, above digital silence.
FLOOR = 1e-12


def itakura_saito(x: Tensor, log_y: Tensor) -> Tensor:
    """sum over bins of x/y - ln(x/y) - 1, in nats per frame: x, log_y [..., F] -> [...].

    x: power; bins under FLOOR count as FLOOR, since ln 0 has no value. log_y: ln of the model's power.
    """
    divergence: Tensor = _ItakuraSaito.apply(x, log_y)  # type: ignore[no-untyped-call]
    return divergence


def power_noise(shape: Sequence[int], generator: torch.Generator, like: Tensor) -> Tensor:
    """x / y ~ Exp(1): the power of a circular complex Gaussian of variance 1, on the device of `like`."""
    noise = torch.empty(tuple(shape), device=generator.device).exponential_(generator=generator)
    return noise.to(like)


class _ItakuraSaito(torch.autograd.Function):
    """Keeps r = x / y alone, of which the gradient with respect to ln y is 1 - r."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, log_y: Tensor) -> Tensor:
        x = x.clamp_min(FLOOR)
        r = x * torch.exp(-log_y)
        ctx.save_for_backward(r, x if ctx.needs_input_grad[0] else None)
        return (r - torch.log(x) + log_y - 1).sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor]:
        r, x = ctx.saved_tensors
        gradient = gradient.unsqueeze(-1)
        of_x = None if x is None else gradient * torch.where(x > FLOOR, (r - 1) / x, 0)
        return of_x, gradient * (1 - r)
