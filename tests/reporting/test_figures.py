"""Figures hold the numbers they are given."""

import numpy as np

from speech_factorization.reporting.figures import boundary_errors


def test_boundary_errors_are_shares_of_absolute_distances() -> None:
    figure = boundary_errors({"A": np.array([-5.0, 5.0, 15.0, -100.0]), "mean": np.array([1.0, 2.0])})
    (axes,) = figure.axes
    line = next(line for line in axes.lines if 100.0 in line.get_xdata())
    shares = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert shares[5.0] == 0.5
    assert shares[15.0] == 0.75
    assert "ms" in axes.get_xlabel()
