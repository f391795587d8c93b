"""Additive model of a data set: x = m + sum_f a_f[c_f] + e, one effect per class of each factor.

The least squares fit, to which alternating over the factors converges, from the normal equations: they need
the counts of pairs of classes and the sums of x by class alone, so memory does not grow with the data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Additive", "fit_additive"]

Factors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Additive:
    """m [D]; a: factor -> effects a_f [classes, D], of weighted mean 0; counts: factor -> [classes]. float64.

    items: how many it was fitted to.
    """

    m: Tensor
    a: Mapping[str, Tensor]
    counts: Mapping[str, Tensor]
    items: int

    def residual(self, x: Tensor, factors: Factors) -> Tensor:
        """e = x - m - sum_f a_f[c_f] [N, D] of x [N, D] and classes [N]; an unknown class (-1) has no effect."""
        effects = torch.cat([self.m[None], *self.a.values()]).to(x)
        return x - _design(x, factors, {name: len(a) for name, a in self.a.items()}) @ effects


def fit_additive(items: Iterable[tuple[Tensor, Factors]], classes: Mapping[str, int]) -> Additive:
    """Fit to batches of (x [N, D], factor -> class of each item [N], -1 where unknown); classes: how many."""
    gram = products = torch.zeros((), dtype=torch.float64)
    for x, factors in items:
        h = _design(x, factors, classes)
        gram = gram + (h.T @ h).double()
        products = products + (h.T @ x).double()
    # Effects are given up to a constant per factor: the pseudo-inverse takes the least, m then takes their means.
    fitted = torch.linalg.pinv(gram, hermitian=True) @ products
    m, *effects = torch.split(fitted, [1, *classes.values()])
    _, *counts = torch.split(gram.diagonal(), [1, *classes.values()])
    a = {}
    for name, effect, count in zip(classes, effects, counts, strict=True):
        mean = (count @ effect) / count.sum().clamp(min=1)
        m, a[name] = m + mean, effect - mean
    return Additive(m[0], a, dict(zip(classes, counts, strict=True)), int(gram[0, 0]))


def _design(x: Tensor, factors: Factors, classes: Mapping[str, int]) -> Tensor:
    """The design matrix [N, 1 + classes of all factors]: 1, then 1 in the column of each class of the item."""
    one = [torch.arange(k, device=x.device) == factors[name][:, None] for name, k in classes.items()]
    return torch.cat([x.new_ones(len(x), 1), *(columns.to(x) for columns in one)], 1)
