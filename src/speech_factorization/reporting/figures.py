"""Figures of results that are no model's."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["boundary_errors"]


def boundary_errors(distances: Mapping[str, NDArray[np.float64]], longest_ms: float = 60.0) -> Figure:
    """Share of boundaries (0..1) over their distance from the true ones, one line per method.

    distances: method -> found minus true, [boundaries] in ms.
    """
    parts = [pd.DataFrame({"method": name, "ms": np.abs(values)}) for name, values in distances.items()]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    seaborn.ecdfplot(pd.concat(parts, ignore_index=True), x="ms", hue="method", ax=axes)
    axes.axvline(20, color="grey", linewidth=0.8, linestyle="dotted")
    axes.set(
        xlim=(0, longest_ms), xlabel="distance from the true boundary (ms)", ylabel="share of boundaries"
    )
    axes.set_title("forced alignment")
    axes.grid(alpha=0.3)
    return figure
