"""How far codes are from independent standard normal variables, one dimension at a time and all together.

Conventions
    z: [N, D] float, N >= 8. Before all but `mean_square` every dimension is standardised by its own mean and standard
    deviation in these items, so that observations and codes of any scale stand side by side.

Metrics
    skewness            mean over dimensions of |E z^3|; 0 if Gaussian, about sqrt(12 / (pi N)) in N such items
    kurtosis            mean over dimensions of |E z^4 - 3|; 0 if Gaussian
    kolmogorov_smirnov  mean over dimensions of sup |F(z) - Phi(z)| sqrt(N); about .6 if Gaussian, since mean and
                        variance are the sample's own
    normal              share of dimensions of which this statistic does not reject normality at 5 % (Stephens, EDF
                        statistics for goodness of fit and some comparisons, JASA 1974, case 3); .95 if Gaussian
    radial_spread       standard deviation over items of |z|^2 / D, times sqrt(D / 2): 1 if the dimensions are
                        independent Gaussians, more where some items are far out in many dimensions at once
    mean_square         mean of z^2 as it is, without standardisation: 1 under a prior N(0, I)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from speech_factorization.errors import InputError

__all__ = ["evaluate", "kolmogorov_smirnov", "radial_spread", "standardised", "validate"]

Floats = NDArray[np.floating[Any]]

FEWEST = 8
# Of Stephens's modified statistic at 5 %.
CRITICAL = 0.895


def validate(z: Floats) -> None:
    """Raise InputError unless z is [N, D] of finite numbers and eight items or more."""
    if z.ndim != 2 or len(z) < FEWEST or z.shape[1] < 1:
        raise InputError(f"codes {list(z.shape)}", remedy=f"give [N, D] of {FEWEST} items or more")
    if not np.isfinite(z).all():
        raise InputError("a code is NaN or infinite", remedy="check the model that made it")


def standardised(z: Floats) -> NDArray[np.float64]:
    """z [N, D'] with mean 0 and variance 1 in every dimension; those that do not vary are left out."""
    z = z.astype(np.float64)
    scale = z.std(0)
    varies = scale > 1e-6 * max(float(scale.max(initial=0)), 1e-12)
    found: NDArray[np.float64] = (z[:, varies] - z[:, varies].mean(0)) / scale[varies]
    return found


def kolmogorov_smirnov(z: Floats) -> NDArray[np.float64]:
    """sup |F - Phi| sqrt(N) of every dimension [D] of standardised z [N, D]."""
    n = len(z)
    phi = ndtr(np.sort(z, axis=0))
    above = np.arange(1, n + 1)[:, None] / n - phi
    found: NDArray[np.float64] = np.maximum(above, 1 / n - above).max(0) * np.sqrt(n)
    return found


def radial_spread(z: Floats) -> float:
    """Standard deviation of |z|^2 / D over items, times sqrt(D / 2), of standardised z [N, D]."""
    return float(np.square(z).mean(1).std() * np.sqrt(z.shape[1] / 2))


def evaluate(z: Floats) -> dict[str, float]:
    """Every metric above by name, and `dimensions`, how many of them vary. Errors: see `validate`; none varies."""
    validate(z)
    mean_square = float(np.square(z, dtype=np.float64).mean())
    n, z = len(z), standardised(z)
    if not z.shape[1]:
        raise InputError("no dimension of the code varies", remedy="check the model that made it")
    distance = kolmogorov_smirnov(z)
    modified = distance * (1 - 0.01 / np.sqrt(n) + 0.85 / n)
    return {
        "dimensions": z.shape[1],
        "skewness": float(np.abs(np.power(z, 3).mean(0)).mean()),
        "kurtosis": float(np.abs(np.power(z, 4).mean(0) - 3).mean()),
        "kolmogorov_smirnov": float(distance.mean()),
        "normal": float((modified < CRITICAL).mean()),
        "radial_spread": radial_spread(z),
        "mean_square": mean_square,
    }
