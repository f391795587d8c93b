"""Codes drawn as points in the plane, by t-SNE (van der Maaten and Hinton, 2008), coloured by class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from speech_factorization.evaluation.codes import Floats, Integers

__all__ = ["CLASSES", "choose", "draw_maps", "embed"]

CLASSES = 10
"""Colours that can be told apart."""

PERPLEXITY = 30.0
ITERATIONS = 500  # maps of a thousand points no longer change much


def choose(factors: Mapping[str, Integers], limit: int, seed: int) -> tuple[Integers, dict[str, list[int]]]:
    """Which items [n] are drawn, in their order, and factor -> the classes shown, the most frequent first.

    factors: class of every item [N], -1 where unknown. Shown are the ten classes with most items (of equally
    many the lower index), and the items that are of a shown class in every factor, `limit` of them at most,
    drawn by the seed. It depends on the labels alone, so every model's map is of the same items.
    """
    shown: dict[str, list[int]] = {}
    inside = np.ones(len(next(iter(factors.values()))), bool)
    for name, classes in factors.items():
        counts = np.bincount(classes[classes >= 0])
        order = np.argsort(-counts, kind="stable")[:CLASSES]
        shown[name] = [int(c) for c in order if counts[c]]
        inside &= np.isin(classes, shown[name])
    items = np.flatnonzero(inside)
    if len(items) > limit:
        items = np.sort(np.random.default_rng([seed, 6]).choice(items, limit, replace=False))
    return items, shown


def embed(x: Floats, seed: int) -> Floats:
    """Points [n, 2] of codes [n, D], n >= 5; the start is the first two principal components."""
    perplexity = min(PERPLEXITY, (len(x) - 1) / 3)
    if x.shape[1] == 1:
        x = np.column_stack([x, np.zeros_like(x)])
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed, max_iter=ITERATIONS, n_jobs=1)
    points: Floats = tsne.fit_transform(x)
    return points


def draw_maps(
    points: Mapping[str, Floats],
    factors: Mapping[str, Integers],
    shown: Mapping[str, Sequence[int]],
    names: Mapping[str, Sequence[str]],
) -> Figure:
    """A row of panels per code, a column per factor, the same points in both coloured by its classes.

    points: code -> [n, 2]; factors: factor -> class of every point [n]; names: factor -> class names.
    """
    figure = Figure(figsize=(4.2 * len(factors), 3.9 * len(points) + 0.6), layout="constrained")
    panels = figure.subplots(len(points), len(factors), squeeze=False)
    for row, (code, at) in zip(panels, points.items(), strict=True):
        for ax, (factor, classes) in zip(row, factors.items(), strict=True):
            for number, c in enumerate(shown[factor]):
                colour = colormaps["tab10"](number)
                ax.scatter(*at[classes == c].T, s=7, color=colour, linewidths=0, label=names[factor][c])
            _bare(ax)
        row[0].set_ylabel(code)
    for ax, factor in zip(panels[0], factors, strict=True):
        ax.set_title(f"coloured by {factor}", fontsize="medium")
    for ax in panels[-1]:
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=5, fontsize="small", frameon=False,
            markerscale=2, handletextpad=0, columnspacing=0.8,
        )  # fmt: skip
    return figure


def _bare(ax: Axes) -> None:
    """Distances on a map have no unit."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.margins(0.03)
