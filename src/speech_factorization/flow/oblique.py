"""Coordinates in which each factor's class means vary in coordinates of their own.

In a space where e is white, a factor's own directions are those within the span of all class means that are
orthogonal to the means of every other factor; so its own means are seen there, the others' nowhere.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from speech_factorization.errors import InputError

__all__ = ["coordinates", "own_directions", "rotation", "span"]

# Singular values below this share of the largest are rounding errors.
RANK = 1e-6


def coordinates(
    means: Mapping[str, Tensor], weights: Mapping[str, Tensor], sizes: Mapping[str, int]
) -> Tensor:
    """The matrix [w, w], of rows of length 1, that turns white coordinates to those of the parts, in order.

    means: factor -> class means [classes, w], around their weighted mean; weights: factor -> [classes];
    sizes: factor -> rows of its part. A part takes the factor's own directions, as many as it has room for,
    strongest first, and is filled up with directions orthogonal to all means; behind the parts stands what is
    left. Errors: see `own_directions`.
    """
    own = own_directions(means, weights)
    taken = torch.cat(list(own.values()))
    free = torch.linalg.qr(taken.T, mode="complete")[0][:, len(taken) :].T
    parts, left = [], []
    for name, directions in own.items():
        fill = max(0, sizes[name] - len(directions))
        parts += [directions[: sizes[name]], free[:fill]]
        left.append(directions[sizes[name] :])
        free = free[fill:]
    return torch.cat([*parts, *left, free])


def own_directions(means: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """factor -> orthonormal directions [rank, w], those in which its weighted class means vary most first.

    Errors: InputError where the means of a factor lie in the span of the others', since one determines another.
    """
    together = span(torch.cat(list(means.values())))
    found = {}
    for name, own in means.items():
        rank = span(own).shape[1]
        others = [m @ together for other, m in means.items() if other != name]
        beside = span(torch.cat(others)) if others else together[:0].T
        if beside.shape[1] + rank > together.shape[1]:
            raise InputError(
                f"class means of {name} lie in the span of the other factors' ({', '.join(means)})",
                remedy="leave out a factor that others determine",
            )
        free = torch.linalg.qr(beside, mode="complete")[0][:, beside.shape[1] :]
        scatter = weights[name].sqrt()[:, None] * (own @ together @ free)
        strongest_first = torch.linalg.svd(scatter)[2]
        found[name] = strongest_first @ (together @ free).T
    return found


def rotation(size: int, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix [size, size], float64."""
    square = torch.randn(size, size, generator=generator, dtype=torch.float64)
    orthogonal: Tensor = torch.linalg.qr(square)[0]
    return orthogonal


def span(rows: Tensor) -> Tensor:
    """Orthonormal basis [D, rank] of the span of rows [n, D]."""
    _, s, vectors = torch.linalg.svd(rows, full_matrices=False)
    basis: Tensor = vectors[s > RANK * s.max()].T
    return basis
