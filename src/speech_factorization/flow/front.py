"""The linear front of a flow: which directions of x are given to which part of the code, and in which scale.

    u = Q (x - m),    y = [L u_{1:w}, u_{w+1:D} / s]

Q is orthogonal; its first w columns span all class means and, beyond them, the leading principal components
of the rest. L whitens the residual e of the additive model x = m + sum_f a_f[c_f] + e there and turns to the
coordinates of the parts (oblique.py, or a random rotation); what lies outside is only scaled.
Fitted once to the training data and then fixed.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.flow.additive import Additive
from speech_factorization.flow.oblique import coordinates, rotation, span
from speech_factorization.flow.reflection import Reflection
from speech_factorization.flow.subspace import principal_components

__all__ = ["Directions", "Front", "Items"]

Directions = Literal["additive", "random"]
# Goes through (x [N, D], factor -> classes [N]) of the training data once.
Items = Callable[[], Iterable[tuple[Tensor, Mapping[str, Tensor]]]]

# Least variance of a direction, as a share of the mean one; below the second it is a rounding error.
FLOOR = 1e-3
SINGULAR = 1e-6


class Front(nn.Module):
    """The bijection x [N, D] <-> y [N, D]; ln |det dy/dx| is `log_det`. Before `fit` it is the identity.

    whitened: w; parts: factor -> slice of y; where: names the model's parameters in errors.
    """

    m: Tensor
    L: Tensor
    L_inverse: Tensor
    s: Tensor
    log_det: Tensor

    def __init__(
        self, size: int, whitened: int, parts: Mapping[str, slice], directions: Directions, where: str
    ) -> None:
        super().__init__()
        self.w, self.parts = whitened, dict(parts)
        self.directions, self.where = directions, where
        self.Q = Reflection(size, whitened)
        self.register_buffer("m", torch.zeros(size))
        self.register_buffer("L", torch.eye(whitened))
        self.register_buffer("L_inverse", torch.eye(whitened))
        self.register_buffer("s", torch.ones(size - whitened))
        self.register_buffer("log_det", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """y [N, D] of x [N, D]."""
        return self.scaled(self.Q(x - self.m))

    def scaled(self, u: Tensor) -> Tensor:
        """The first n >= w dimensions of y [N, n], of those of u [N, n]."""
        return torch.cat([u[:, : self.w] @ self.L.T, u[:, self.w :] / self.s[: u.shape[1] - self.w]], 1)

    def inverse(self, y: Tensor) -> Tensor:
        """x [N, D] of y [N, D]."""
        u = torch.cat([y[:, : self.w] @ self.L_inverse.T, y[:, self.w :] * self.s], 1)
        x: Tensor = self.Q(u) + self.m
        return x

    @torch.no_grad()
    def fit(self, items: Items, additive: Additive, generator: torch.Generator) -> dict[str, Tensor]:
        """Fit to training data and its additive model; returns factor -> class means of y in its part.

        generator: on the CPU, of the passes' start and the random rotation. Errors: InputError for class
        means that need more than w dimensions or that one factor shares with others, and for a residual that
        leaves some of the w dimensions empty.
        """
        self.m.copy_(additive.m)
        self.Q.set(self._basis(items, additive, generator))
        covariance, variance = self._residual(items, additive)
        whiten, colour = self._whitening(covariance)
        means = {name: a @ self.Q.columns @ whiten.T for name, a in additive.a.items()}
        turn = self._turn(means, additive, generator).to(whiten)
        self.L.copy_(turn @ whiten)
        self.L_inverse.copy_(colour @ torch.linalg.inv(turn))
        if len(variance):
            self.s.copy_(variance.clamp(min=FLOOR * float(variance.mean())).sqrt())
        self.log_det.copy_(torch.linalg.slogdet(turn @ whiten)[1] - self.s.double().log().sum())
        return {name: self._in_part(name, mean @ turn.T) for name, mean in means.items()}

    def _basis(self, items: Items, additive: Additive, generator: torch.Generator) -> Tensor:
        """Orthonormal [D, w]: the span of all class means, then principal components of what is left."""
        effects = additive.m.new_zeros(len(self.m), 0)
        if additive.a:
            effects = span(torch.cat(list(additive.a.values())))
        rank = effects.shape[1]
        if rank > self.w:
            raise InputError(
                f"{self.w} whitened dimensions, but the class means span {rank}",
                f"{self.where}.dimensions",
                "raise it",
            )

        def centred() -> Iterable[Tensor]:
            return (x - self.m for x, _ in items())

        return torch.cat([effects, principal_components(centred, self.w - rank, effects, generator)], 1)

    def _residual(self, items: Items, additive: Additive) -> tuple[Tensor, Tensor]:
        """Covariance [w, w] of e in the first w dimensions of u; variance [D - w] of the others."""
        covariance = torch.zeros_like(self.L, dtype=torch.float64)
        squares, count = torch.zeros_like(self.s, dtype=torch.float64), 0
        for x, factors in items():
            u, rest = self.Q(additive.residual(x, factors)).split([self.w, len(self.s)], 1)
            covariance += (u.T @ u).double()
            squares += rest.square().sum(0).double()
            count += len(u)
        return covariance / count, squares / count

    def _whitening(self, covariance: Tensor) -> tuple[Tensor, Tensor]:
        """W with W covariance W^T = I (but for the floor), and its inverse."""
        values, vectors = torch.linalg.eigh(covariance)
        mean = values.mean()
        lost = int((values <= SINGULAR * mean).sum())
        if lost:
            raise InputError(
                f"the covariance of the {self.w} whitened dimensions is singular: the training segments of one "
                f"class do not vary in {lost} of them",
                f"{self.where}.dimensions",
                "use more data or lower it",
            )
        scale = values.clamp(min=FLOOR * float(mean)).sqrt()
        return (vectors / scale).T, vectors * scale

    def _turn(self, means: Mapping[str, Tensor], additive: Additive, generator: torch.Generator) -> Tensor:
        """[w, w], from white coordinates to those of y; means: factor -> class means, white."""
        if self.directions == "random":
            return rotation(self.w, generator)
        if not means:
            return torch.eye(self.w)
        sizes = {name: min(self.w, part.stop) - part.start for name, part in self.parts.items()}
        try:
            return coordinates(means, additive.counts, sizes)
        except InputError as error:
            raise InputError(str(error), self.where) from None

    def _in_part(self, factor: str, means: Tensor) -> Tensor:
        """Class means [classes, w] of y as those of the factor's part alone; beyond w they are zero."""
        part = self.parts[factor]
        beyond = means.new_zeros(len(means), max(0, part.stop - self.w))
        return torch.cat([means, beyond], 1)[:, part]
