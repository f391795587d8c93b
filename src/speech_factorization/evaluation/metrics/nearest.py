"""How near samples come to real items, held against how near other real items come.

Conventions
    samples [n, D], held_out [m, D], train [N, D] float: flat images, all standardised alike.

Metrics
    nearest_ratio  mean distance of samples to their nearest training item, over that of held-out real items; Euclidean,
                   along the first 60 principal axes of the training items. 1: as near as real ones; more: far from
                   speech; much less: training items by heart, or averages
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin_min

from speech_factorization.errors import InputError
from speech_factorization.evaluation.codes import principal_axes

__all__ = ["AXES", "Nearest", "nearest_ratio"]

Floats = NDArray[np.floating[Any]]

AXES = 60


class Nearest:
    """Distance to the nearest of `train` [N, D], in units of what held-out real items [m, D] have in the mean."""

    def __init__(self, train: Floats, held_out: Floats, seed: int) -> None:
        if not len(train) or not len(held_out):
            raise InputError("no items to be near to", remedy="check the splits")
        self.mean = train.mean(0)
        self.axes = principal_axes(train - self.mean, AXES, seed)
        self.train = self._project(train)
        self.unit = 1.0
        unit = float(self(held_out).mean())
        # What is left of a distance of nothing is a rounding error.
        if not unit > 1e-5 * float(self.train.std()):
            raise InputError("held-out items equal training items", remedy="check the splits")
        self.unit = unit

    def __call__(self, x: Floats) -> Floats:
        """Relative distance of every item [n, D], [n]."""
        _, distance = pairwise_distances_argmin_min(self._project(x), self.train)
        found: Floats = distance / self.unit
        return found

    def _project(self, x: Floats) -> Floats:
        found: Floats = (x - self.mean) @ self.axes
        return found


def nearest_ratio(samples: Floats, held_out: Floats, train: Floats, seed: int) -> float:
    """Mean of the relative distances of samples."""
    return float(Nearest(train, held_out, seed)(samples).mean())
