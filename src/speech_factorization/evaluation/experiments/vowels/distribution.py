"""Are codes normal? Two random dimensions to look at, and statistics of all (arXiv 1910.13288, figure 2).

Marginals that are normal make no normal distribution: `radial_spread` tells of all dimensions at once.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import norm

from speech_factorization.evaluation.codes import Floats
from speech_factorization.evaluation.experiments.vowels.common import Material, array, needs
from speech_factorization.evaluation.experiments.vowels.figures import TITLES
from speech_factorization.evaluation.metrics import normality
from speech_factorization.evaluation.outcome import Outcome

__all__ = ["needs", "run"]

# Statistics are of so many dimensions at most, drawn by the seed; none that is padding, exactly 0, in some item.
DIMENSIONS = 4096


def run(material: Material) -> Outcome:
    """distribution -> SPACE -> the metrics of normality.py, of test vowels' codes with the noise of training, and bits.

    bits: -log p per real bin at 1 dB resolution. `gaussian`: the same of as many standard normal numbers. The
    spectrogram's codes are its standardised bins.
    """
    rng = np.random.default_rng([material.seed, 11])
    test = material.test
    noisy = material.noisy(test.image, test.mask)
    encoded = {name: material.encode(name, noisy, test.mask) for name in material.spaces}
    whole = {name: np.flatnonzero((z != 0).all(0).cpu().numpy()) for name, z in encoded.items()}
    size = min(min(len(of) for of in whole.values()), DIMENSIONS)
    if len(test) < normality.FEWEST or size < 2:
        return Outcome({"distribution": {"skipped": f"{len(test)} vowels of {size} dimensions"}})
    codes = {name: array(z[:, rng.permutation(whole[name])[:size]]) for name, z in encoded.items()}
    codes["gaussian"] = rng.standard_normal((len(test), size))
    numbers = {name: normality.evaluate(z) for name, z in codes.items()}
    for name in material.spaces:
        numbers[name]["bits"] = float(material.real[name].mean())
    return Outcome({"distribution": numbers}, {"distribution": _draw(codes, numbers, rng)})


def _draw(codes: dict[str, Floats], numbers: dict[str, dict[str, float]], rng: np.random.Generator) -> Figure:
    """A column per space: two dimensions of it, their distributions, and the distance from the centre."""
    figure = Figure(figsize=(2.7 * len(codes), 7.2), layout="constrained")
    axes = figure.subplots(3, len(codes), squeeze=False, sharex="row")
    for column, (name, z) in zip(axes.T, codes.items(), strict=True):
        z = normality.standardised(z)
        i, j = rng.choice(z.shape[1], 2, replace=False) if z.shape[1] > 1 else (0, 0)
        column[0].scatter(z[:, i], z[:, j], s=4, linewidths=0, alpha=0.7)
        column[0].set(title=TITLES.get(name, name), xlim=(-4, 4), ylim=(-4, 4), xlabel="one dimension")
        for k, label in ((i, "one"), (j, "another")):
            column[1].hist(z[:, k], np.linspace(-4, 4, 33), density=True, histtype="step", label=label)
        _normal(column[1], 1.0)
        column[1].set(
            xlim=(-4, 4), xlabel=f"K-S {numbers[name]['kolmogorov_smirnov']:.2f} in the mean of all"
        )
        distance = (np.square(z).mean(1) - 1) * np.sqrt(z.shape[1] / 2)
        column[2].hist(distance, np.linspace(-12, 12, 49), density=True, histtype="step")
        _normal(column[2], 1.0)
        column[2].set(xlim=(-12, 12), xlabel=f"$|z|^2$, spread {numbers[name]['radial_spread']:.2f}")
    axes[0, 0].set_ylabel("another dimension")
    axes[1, 0].set_ylabel("density of both")
    axes[1, 0].legend(fontsize=7)
    axes[2, 0].set_ylabel("density, in units of\na Gaussian's own spread")
    return figure


def _normal(ax: Axes, scale: float) -> None:
    """The density of N(0, scale^2)."""
    at = np.linspace(*ax.get_xlim(), 200)
    ax.plot(at, norm.pdf(at, scale=scale), color="0.4", linewidth=1, linestyle="dotted")
