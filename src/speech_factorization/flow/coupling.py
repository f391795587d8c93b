"""Affine couplings over two complementary random halves of the dimensions.

    z_a = y_a,    z_b = y_b * exp(BOUND tanh(s(y_a) / BOUND)) + t(y_a)

(Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, ICLR 2017). Halves are index sets:
whatever order dimensions are computed in, they come out where they stood, so each keeps its meaning, and
its part of the code. zuko's CouplingTransform does the same, but takes longer (benchmarks/flow_step.py).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Transform, constraints
from zuko.nn import MLP

from speech_factorization.dynamical.precision import full_precision

__all__ = ["Couplings", "CouplingsTransform"]

BOUND = 1.5


class Couplings(nn.Module):
    """Gives the transform y -> z, [N, size] each, of `count` couplings, in pairs that share their halves."""

    orders: Tensor

    def __init__(self, size: int, count: int, hidden: Sequence[int]) -> None:
        super().__init__()
        # Of each pair: the dimensions of its first half, then those of its second.
        orders = [torch.randperm(size) for _ in range((count + 1) // 2)]
        self.register_buffer("orders", torch.stack(orders))
        halves = (size // 2, size - size // 2)
        conditioners = [MLP(halves[i % 2], 2 * halves[1 - i % 2], hidden) for i in range(count)]
        for conditioner in conditioners:
            # Starts as the identity.
            nn.init.zeros_(conditioner[-1].weight)
            nn.init.zeros_(conditioner[-1].bias)
        self.conditioners = nn.ModuleList(conditioners)

    def forward(self) -> "CouplingsTransform":
        return CouplingsTransform(list(self.orders), list(self.conditioners))


class CouplingsTransform(Transform):
    """y -> z. orders: of each pair, [size]; conditioners: half of y -> (t, s) of the other.

    The first of a pair transforms the second half given the first, the second (the last pair may lack it) the
    first half given the second.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, orders: Sequence[Tensor], conditioners: Sequence[nn.Module]) -> None:
        super().__init__()
        self.pairs = [(order, conditioners[2 * i : 2 * i + 2]) for i, order in enumerate(orders)]
        self.sizes = [len(orders[0]) // 2, len(orders[0]) - len(orders[0]) // 2]
        self.standing = torch.arange(len(orders[0]), device=orders[0].device)

    def call_and_ladj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """z [N, size] and ln |det dz/dy| [N]."""
        ladj, last = y.new_zeros(len(y)), self.standing
        for order, conditioners in self.pairs:
            # Straight from the last pair's order to this one's.
            a, b = self._halves(_reordered(y, _inverse(last)[order]))
            for conditioner in conditioners:
                t, s = _affine(conditioner, a)
                a, b = torch.addcmul(t, b, s.exp()), a
                ladj = ladj + s.sum(1)
            y, last = torch.cat([a, b] if len(conditioners) == 2 else [b, a], 1), order
        return _reordered(y, _inverse(last)), ladj

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """ln |det| [N] of the transform at x."""
        return self.call_and_ladj(x)[1]

    def _call(self, y: Tensor) -> Tensor:
        return self.call_and_ladj(y)[0]

    def _inverse(self, z: Tensor) -> Tensor:
        last = self.standing
        for order, conditioners in reversed(self.pairs):
            a, b = self._halves(_reordered(z, _inverse(last)[order]))
            if len(conditioners) == 1:
                a, b = b, a
            for conditioner in reversed(conditioners):
                t, s = _affine(conditioner, b)
                a, b = b, (a - t) * (-s).exp()
            z, last = torch.cat([a, b], 1), order
        return _reordered(z, _inverse(last))

    def _halves(self, y: Tensor) -> tuple[Tensor, Tensor]:
        a, b = torch.split(y, self.sizes, 1)
        return a, b


def _affine(conditioner: nn.Module, a: Tensor) -> tuple[Tensor, Tensor]:
    """t and the bounded s of the other half, given half `a`."""
    t, s = full_precision(conditioner(a)).chunk(2, 1)
    # BOUND * tanh(s / BOUND); torch's logistic function takes a third of its tanh's time.
    return t, 2 * BOUND * torch.sigmoid(s * (2 / BOUND)) - BOUND


def _inverse(order: Tensor) -> Tensor:
    """The order that undoes this one."""
    return torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))


class _Reordered(torch.autograd.Function):
    """x[:, order] of a permutation: its gradient is one, where torch would add up as for any index."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return x.index_select(1, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return _reordered(gradient, _inverse(order)), None


def _reordered(x: Tensor, order: Tensor) -> Tensor:
    found: Tensor = _Reordered.apply(x, order)  # type: ignore[no-untyped-call]
    return found
