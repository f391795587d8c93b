"""Reading a class from few vectors: linear discriminant analysis with a shrunk covariance.

Conventions
    features: [N, D] float; classes: [N] integers; folds: [N] integers, at least two of them.

Metrics
    balanced_accuracy  share of a class's items whose nearest class mean, of the other folds' items, is their own;
                       by Mahalanobis distance, with one covariance within classes. Classes are equally probable
                       in the reading and in the mean over them, so that noise scores 1/K for K classes

Every dimension is divided by its standard deviation within classes. The covariance then is W shrunk to the
identity, (1 - a) W + a tr(W)/D I, with the a of least expected squared error (Ledoit and Wolf, A
well-conditioned estimator for large-dimensional covariance matrices, 2004), so that it can be inverted with
fewer items than dimensions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["balanced_accuracy", "predict", "shrunk_covariance", "validate"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


def validate(features: Floats, classes: Integers, folds: Integers) -> None:
    """Raise InputError unless all are finite and equally long, and every class is in at least two folds."""
    if features.ndim != 2 or classes.shape != folds.shape or classes.shape != features.shape[:1]:
        shapes = f"features {list(features.shape)}, classes {list(classes.shape)}, folds {list(folds.shape)}"
        raise InputError(shapes, remedy="give [N, D], [N] and [N]")
    if not np.isfinite(features).all():
        raise InputError("a feature is NaN or infinite", remedy="check the model that made it")
    lonely = [int(c) for c in np.unique(classes) if len(np.unique(folds[classes == c])) < 2]
    if lonely:
        raise InputError(f"class {lonely[0]} is in one fold only", remedy="leave such classes out")


def balanced_accuracy(features: Floats, classes: Integers, folds: Integers) -> float:
    """Mean over classes of the share of items whose class is predicted from the other folds' items, 0..1."""
    validate(features, classes, folds)
    right = np.zeros(len(classes), bool)
    for fold in np.unique(folds):
        held = folds == fold
        right[held] = predict(features[~held], classes[~held], features[held]) == classes[held]
    return float(np.mean([right[classes == c].mean() for c in np.unique(classes)]))


def predict(train: Floats, classes: Integers, test: Floats) -> Integers:
    """Class [n] of the nearest class mean of `train` [N, D] for every point of `test` [n, D]."""
    names, index = np.unique(classes, return_inverse=True)
    means = np.stack([train[index == i].mean(0) for i in range(len(names))])
    # A millionth of the variance in all stands in for what does not vary within classes, one for a constant.
    variance = (train - means[index]).var(0) + 1e-6 * train.var(0)
    scale = np.sqrt(np.where(variance > 0, variance, 1))
    centre = train.mean(0)
    means, train, test = ((x - centre) / scale for x in (means, train, test))
    # (x - m)' C^-1 (x - m) without what is the same for all means.
    weights = np.linalg.solve(shrunk_covariance(train - means[index]), means.T)
    scores = test @ weights - 0.5 * (means.T * weights).sum(0)
    found: Integers = names[scores.argmax(1)]
    return found


def shrunk_covariance(x: Floats) -> Floats:
    """Covariance [D, D] of x [N, D], whose mean is zero; the identity where nothing varies."""
    n, d = x.shape
    sample = x.T @ x / n
    target = np.trace(sample) / d * np.eye(d)
    if not np.trace(sample) > 0:
        return np.eye(d)
    distance = np.square(sample - target).sum()
    error = (np.square(np.square(x).sum(1)).sum() / n - np.square(sample).sum()) / n
    a = min(error / distance, 1.0) if distance > 0 else 1.0
    found: Floats = (1 - a) * sample + a * target
    return found
