"""What grows in training."""

import pytest

from speech_factorization.dynamical.model import DynamicalHyperparameters
from speech_factorization.dynamical.schedule import ramp


def test_ramp() -> None:
    assert [ramp([2, 6], epoch) for epoch in (0, 2, 3, 4, 6, 9)] == [0, 0, 0.25, 0.5, 1, 1]


@pytest.mark.parametrize("epochs", [[6, 2], [3, 3]])
def test_a_ramp_that_ends_before_it_begins_is_refused(epochs: list[int]) -> None:
    with pytest.raises(ValueError, match="first epoch before the last"):
        DynamicalHyperparameters(kl_warm_up=epochs)
