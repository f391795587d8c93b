"""How far apart the classes of a factor lie in a code.

Conventions
    x: [N, D] float; classes: [N] integers, at least two of them, one with two items or more.

Metrics
    f_ratio     variance of class means over variance within classes, both summed over dimensions (Wolf, Efficient
                acoustic parameters for speaker recognition, JASA 1972). Of the means' variance goes what few items
                scatter them by themselves, so noise scores 0 in any number of dimensions, items and classes
    silhouette  mean over items of (b - a) / max(a, b): a is the mean Euclidean distance to the others of its own
                class, b to those of the nearest other class (Rousseeuw, 1987); -1 to 1
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score
from sklearn.metrics.pairwise import euclidean_distances

from speech_factorization.errors import InputError

__all__ = ["evaluate", "f_ratio", "silhouette", "validate"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def validate(x: Floats, classes: Integers) -> None:
    """Raise InputError unless x is finite and there are two classes, one of them with two items."""
    if x.ndim != 2 or classes.shape != x.shape[:1]:
        raise InputError(f"x {list(x.shape)}, classes {list(classes.shape)}", remedy="give [N, D] and [N]")
    if not np.isfinite(x).all():
        raise InputError("a code is NaN or infinite", remedy="check the model that made it")
    found = len(np.unique(classes))
    if not 2 <= found < len(classes):
        raise InputError(f"{found} classes in {len(classes)} items", remedy="give two or more of each")


def f_ratio(x: Floats, classes: Integers) -> float:
    """Variance component between classes over that within; of noise 0 in the mean, so it may be below."""
    validate(x, classes)
    _, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    n, k = len(x), len(counts)
    x = x - x.mean(0)
    members = (index == np.arange(k)[:, None]).astype(x.dtype)
    means = members @ x / counts[:, None].astype(x.dtype)
    ss_between = float((counts[:, None] * np.square(means)).sum(dtype=np.float64))
    ss_within = float(np.square(x - means[index]).sum(dtype=np.float64))
    ms_between, ms_within = ss_between / (k - 1), ss_within / (n - k)
    # The expectation of ms_between is that of ms_within + n_0 * (variance of the means).
    n_0 = (n - np.square(counts).sum() / n) / (k - 1)
    if ms_within == 0:
        if ms_between > 0:
            raise InputError("nothing varies within classes", remedy="check the model that made the code")
        return 0.0
    return float((ms_between - ms_within) / n_0 / ms_within)


def silhouette(distances: Floats, classes: Integers) -> float:
    """Mean silhouette from distances [N, N]; an item alone in its class counts 0."""
    validate(distances, classes)
    return float(silhouette_score(distances, classes, metric="precomputed"))


def evaluate(x: Floats, factors: Mapping[str, Integers]) -> dict[str, dict[str, float]]:
    """Factor -> every metric above; items of unknown class (-1) do not count for that factor."""
    distances = euclidean_distances(x)
    np.fill_diagonal(distances, 0)
    found = {}
    for name, classes in factors.items():
        known = classes >= 0
        among = distances[np.ix_(known, known)]
        found[name] = {
            "f_ratio": f_ratio(x[known], classes[known]),
            "silhouette": silhouette(among, classes[known]),
        }
    return found
