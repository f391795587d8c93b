"""Two-sided typicality."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.typicality import band, typicality

REFERENCE = np.random.default_rng(0).standard_normal(4000)


def test_as_probable_as_real_ones():
    assert typicality(REFERENCE, REFERENCE) == pytest.approx(0.95, abs=0.001)
    assert typicality(np.random.default_rng(1).standard_normal(4000), REFERENCE) == pytest.approx(
        0.95, abs=0.02
    )


def test_more_probable_is_no_better_than_less():
    low, high = band(REFERENCE)
    assert low == pytest.approx(-1.96, abs=0.1)
    assert typicality(np.array([low - 1, high + 1, 0.0, 0.1]), REFERENCE) == 0.5


@pytest.mark.parametrize(
    ("values", "reference"),
    [
        (np.zeros(0), REFERENCE),
        (np.zeros(2), np.zeros(0)),
        (np.zeros((2, 2)), REFERENCE),
        (np.array([np.inf]), REFERENCE),
    ],
)
def test_bad_values(values, reference):
    with pytest.raises(InputError):
        typicality(values, reference)
