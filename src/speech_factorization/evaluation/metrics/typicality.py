"""Whether points lie where real ones do: neither less nor more probable (two-sided).

Conventions
    values: [n] log p of the points, per real bin; reference: [N] the same of real items the model has not seen, with
    the noise that it was trained with in both.

Metrics
    typicality  share of the values from the 2.5 % to the 97.5 % quantile of the reference; .95 of real ones. Means are
                smoother than speech and have a higher density than any real item, so log p alone would call them good
                (Nalisnick et al., Detecting out-of-distribution inputs using a test for typicality, 2019)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["band", "typicality", "validate"]

Floats = NDArray[np.floating[Any]]

SHARE = 0.95


def validate(values: Floats, reference: Floats) -> None:
    """Raise InputError unless there are values, a reference, and both are finite."""
    if values.ndim != 1 or reference.ndim != 1 or not len(values) or not len(reference):
        shapes = f"values {list(values.shape)}, reference {list(reference.shape)}"
        raise InputError(shapes, remedy="give [n] and [N]")
    if not (np.isfinite(values).all() and np.isfinite(reference).all()):
        raise InputError("a log probability is NaN or infinite", remedy="check the model that gave it")


def band(reference: Floats) -> tuple[float, float]:
    """The 2.5 % and the 97.5 % quantile."""
    low, high = np.quantile(reference, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return float(low), float(high)


def typicality(values: Floats, reference: Floats) -> float:
    """Share of values within the band of the reference, 0..1."""
    validate(values, reference)
    low, high = band(reference)
    return float(((values >= low) & (values <= high)).mean())
