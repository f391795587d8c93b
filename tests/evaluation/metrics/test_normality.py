"""Normality of codes: known distributions give known numbers."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import normality

RNG = np.random.default_rng(0)


def test_gaussian_numbers_are_normal_at_any_scale():
    found = normality.evaluate(RNG.standard_normal((400, 600)) * 7 - 3)
    assert found["dimensions"] == 600
    assert found["skewness"] == pytest.approx(np.sqrt(12 / (np.pi * 400)), rel=0.1)
    assert found["kurtosis"] < 0.25
    assert found["kolmogorov_smirnov"] == pytest.approx(0.61, abs=0.03)
    assert found["normal"] == pytest.approx(0.95, abs=0.03)
    assert found["radial_spread"] == pytest.approx(1, abs=0.1)
    assert found["mean_square"] == pytest.approx(58, rel=0.02)


def test_each_metric_sees_its_own_fault():
    n, d = 500, 200
    gauss = normality.evaluate(RNG.standard_normal((n, d)))
    skewed = normality.evaluate(RNG.exponential(size=(n, d)))
    assert skewed["skewness"] == pytest.approx(2, rel=0.2)
    heavy = normality.evaluate(RNG.laplace(size=(n, d)))
    assert heavy["kurtosis"] == pytest.approx(3, rel=0.25)
    uniform = normality.evaluate(RNG.uniform(size=(n, d)))
    assert uniform["kolmogorov_smirnov"] > 1.1
    assert uniform["normal"] < 0.1
    # Every marginal of it is nearly normal; that items differ in their distance from the centre is not seen there.
    far = normality.evaluate(RNG.standard_normal((n, d)) * RNG.uniform(0.8, 1.2, (n, 1)))
    assert far["radial_spread"] > 2.3
    assert far["normal"] > 0.8 * gauss["normal"]


def test_kolmogorov_smirnov_is_the_definition():
    from scipy.stats import kstest

    z = normality.standardised(RNG.standard_normal((50, 3)))
    expected = [kstest(z[:, i], "norm").statistic * np.sqrt(50) for i in range(3)]
    np.testing.assert_allclose(normality.kolmogorov_smirnov(z), expected)


def test_constant_dimensions_are_left_out():
    z = np.concatenate([RNG.standard_normal((20, 4)), np.full((20, 3), 2.0)], 1)
    assert normality.evaluate(z)["dimensions"] == 4


@pytest.mark.parametrize(
    ("z", "said"),
    [
        (np.zeros((7, 3)), r"codes \[7, 3\]"),
        (np.full((9, 2), np.nan), "NaN"),
        (np.ones((9, 2)), "varies"),
    ],
)
def test_bad_codes(z, said):
    with pytest.raises(InputError, match=said):
        normality.evaluate(z)
