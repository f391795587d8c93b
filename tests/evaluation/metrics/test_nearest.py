"""How near samples come to real items."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.nearest import nearest_ratio

RNG = np.random.default_rng(0)
MIXING = RNG.standard_normal((5, 100))


def real(count: int) -> np.ndarray:
    """Items near a plane of five dimensions."""
    return RNG.standard_normal((count, 5)) @ MIXING + 0.1 * RNG.standard_normal((count, 100))


TRAIN, HELD = real(400), real(200)


def test_real_ones_are_as_near_as_real_ones():
    assert nearest_ratio(real(200), HELD, TRAIN, 0) == pytest.approx(1, abs=0.1)


def test_far_from_speech_by_heart_and_averages():
    assert nearest_ratio(HELD + 3 * RNG.standard_normal(HELD.shape), HELD, TRAIN, 0) > 1.5
    assert nearest_ratio(TRAIN[:50], HELD, TRAIN, 0) < 1e-3
    assert nearest_ratio(real(200) / 5, HELD, TRAIN, 0) < 0.9


def test_nothing_to_be_near_to():
    with pytest.raises(InputError, match="no items"):
        nearest_ratio(HELD, HELD, TRAIN[:0], 0)
    with pytest.raises(InputError, match="equal training items"):
        nearest_ratio(HELD, TRAIN[:9], TRAIN, 0)
