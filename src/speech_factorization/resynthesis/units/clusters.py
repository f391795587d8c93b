"""k-means, as every type of units uses it."""

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor

from speech_factorization.errors import InputError

__all__ = ["centres", "distortion", "drawn", "nearest"]

POINTS = 40_000
ITERATIONS = 30
# Points at a time: what is held is small beside the points.
PART = 8192


def centres(
    points: Tensor, count: int, seed: int, most: int = POINTS, iterations: int = ITERATIONS
) -> Tensor:
    """Centres [count, D] of points [N, D], of which `most` are drawn; Lloyd's iterations from k-means++.

    Errors: InputError for fewer points than centres.
    """
    if len(points) < count:
        raise InputError(
            f"{len(points)} frames of training speech for {count} units",
            "units",
            "train on more, or make fewer",
        )
    kept = _some(len(points), most, np.random.default_rng([seed, count]))
    model = KMeans(count, n_init=1, max_iter=iterations, random_state=seed % 2**32)
    # Distances of single precision lose small clusters where points lie far from the origin.
    model.fit(points[torch.from_numpy(kept)].double().cpu().numpy())
    return torch.from_numpy(model.cluster_centers_).to(points)


def drawn(points: Iterable[Tensor], most: int, seed: int) -> Tensor:
    """About `most` rows at the most of all `points` [n, D], so many of each as its share is of those before it.

    No more than a few times `most` are ever held.
    """
    rng = np.random.default_rng([seed, 7])
    held: list[Tensor] = []
    keys: list[NDArray[np.float64]] = []
    count = 0
    for part in points:
        held.append(part)
        keys.append(rng.random(len(part)))
        count += len(part)
        if count > 4 * most:
            held, keys = _least(held, keys, most)
            count = most
    if not count:
        raise InputError("no training speech", "units", "check the splits")
    (found,), _ = _least(held, keys, most)
    return found


def _least(
    held: list[Tensor], keys: list[NDArray[np.float64]], most: int
) -> tuple[list[Tensor], list[NDArray[np.float64]]]:
    together = np.concatenate(keys)
    kept = np.sort(np.argsort(together, kind="stable")[:most])
    return [torch.cat(held)[torch.from_numpy(kept)]], [together[kept]]


def _some(count: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most so many of `count` places, in order."""
    return np.sort(rng.permutation(count)[:most])


def _squares(points: Tensor, centres: Tensor) -> Tensor:
    """Squared distances [n, K]."""
    return points.square().sum(1, keepdim=True) - 2 * points @ centres.T + centres.square().sum(1)


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """argmin_j |x_i - c_j| of points [N, D] among centres [K, D]: [N] int64."""
    parts = [_squares(part, centres).argmin(1) for part in torch.split(points, PART)]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.int64)


def distortion(points: Tensor, centres: Tensor) -> float:
    """Mean squared distance of points [N, D], N > 0, to the nearest centre."""
    parts = [_squares(part, centres).min(1).values for part in torch.split(points, PART)]
    return float(torch.cat(parts).double().mean())
