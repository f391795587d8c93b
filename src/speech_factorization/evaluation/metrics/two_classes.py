"""How far two classes lie apart along a line: linear discriminants, and ridge regression on all dimensions beside.

Conventions
    x: [N, D] float; classes: [N] of 0 and 1; folds: [N] integers, each class in two of them or more. Every score is
    of an item whose fold took no part in the axes, the direction and its threshold.

Metrics
    error                balanced error of the first direction: linear discriminant analysis, its covariance within
                         classes shrunk (`discriminant`), on the first 40 principal axes; .5 if nothing is known
    fisher_ratio         variance between over variance within classes along it (`separation.f_ratio`); 0 for noise
    second_error, second_fisher_ratio
                         the same of the best direction in its orthogonal complement: what one line leaves over
    ridge_error          balanced error of ridge regression on all D dimensions, both classes weighing the same, its
                         penalty chosen by leave-one-out within the other folds

Principal axes hold what varies most, which need not be what tells the classes apart: where all dimensions have one
variance, as in a flow's code, most of it is cut off, and only ridge sees it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import null_space

from speech_factorization.errors import InputError
from speech_factorization.evaluation.codes import principal_axes
from speech_factorization.evaluation.metrics import discriminant, probes, separation

__all__ = ["AXES", "Scores", "evaluate", "scores", "validate"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

AXES = 40
# Of the mean variance of an item.
PENALTIES = np.logspace(-4, 2, 13)


class Scores(NamedTuple):
    """Of every item [N], positive if it is taken for class 1: along both directions, and by ridge regression."""

    first: Floats
    second: Floats
    ridge: Floats


def validate(x: Floats, classes: Integers, folds: Integers) -> None:
    """Raise InputError unless x is finite and classes 0 and 1 are each in two folds or more."""
    discriminant.validate(x, classes, folds)
    if set(np.unique(classes)) != {0, 1}:
        raise InputError(f"classes {np.unique(classes).tolist()}", remedy="give items of 0 and of 1")


def scores(x: Floats, classes: Integers, folds: Integers, seed: int) -> Scores:
    """Held-out scores of all items. The directions are scaled to unit variance within classes. seed: of the axes."""
    validate(x, classes, folds)
    x = x.astype(np.float64) - x.mean(0)
    gram = x @ x.T
    found = Scores(*(np.zeros(len(x)) for _ in range(3)))
    for fold in np.unique(folds):
        held = folds == fold
        axes = principal_axes(x[~held] - x[~held].mean(0), AXES, seed)
        train, test = x[~held] @ axes, x[held] @ axes
        first, threshold = _direction(train, classes[~held])
        found.first[held] = test @ first - threshold
        rest = null_space(first[None])
        if rest.shape[1]:
            second, threshold = _direction(train @ rest, classes[~held])
            found.second[held] = test @ rest @ second - threshold
        found.ridge[held] = _ridge(gram[~held][:, ~held], classes[~held], gram[held][:, ~held])
    return found


def evaluate(classes: Integers, found: Scores) -> dict[str, float]:
    """Every metric above by name."""
    numbers = {"ridge_error": _error(classes, found.ridge)}
    for name, along in (("", found.first), ("second_", found.second)):
        numbers[f"{name}error"] = _error(classes, along)
        numbers[f"{name}fisher_ratio"] = separation.f_ratio(along[:, None], classes)
    return numbers


def _error(classes: Integers, along: Floats) -> float:
    return 1 - probes.recall(classes, (along > 0).astype(classes.dtype))


def _direction(x: Floats, classes: Integers) -> tuple[Floats, float]:
    """Direction [D] of unit variance within classes, from class 0 to class 1, and the middle of their means on it."""
    means = np.stack([x[classes == c].mean(0) for c in (0, 1)])
    within = x - means[classes]
    scale = np.sqrt(within.var(0) + 1e-6 * x.var(0) + 1e-12)
    w = np.linalg.solve(discriminant.shrunk_covariance(within / scale), (means[1] - means[0]) / scale) / scale
    w = w / max(float((within @ w).std()), 1e-12)
    return w, float((means @ w).mean())


def _ridge(gram: Floats, classes: Integers, held: Floats) -> Floats:
    """Scores [m] of items with inner products `held` [m, n] with the training items, whose own are `gram` [n, n]."""
    n = len(gram)
    v = 0.5 / np.bincount(classes, minlength=2)[classes]  # weights of the items, one in all
    y = 2.0 * classes - 1  # its weighted mean is 0
    mean = gram @ v
    total = float(v @ mean)
    centred = gram - mean[:, None] - mean[None] + total
    root = np.sqrt(n * v)
    values, vectors = np.linalg.eigh(centred * root[:, None] * root)
    values, target = values.clip(min=0), vectors.T @ (root * y)
    best, chosen = np.inf, np.zeros(n)
    for penalty in PENALTIES * max(values.mean(), 1e-12):
        shrink = values / (values + penalty)
        left = 1 - np.square(vectors) @ shrink
        residual = (root * y - vectors @ (shrink * target)) / left
        if (loss := float(np.square(residual).sum())) < best:
            best, chosen = loss, root * (vectors @ (target / (values + penalty)))
    found: Floats = (held - (held @ v)[:, None] - mean + total) @ chosen
    return found
