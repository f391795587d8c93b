"""The package's level: rms 0.05, whatever came in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.resynthesis import level
from speech_factorization.resynthesis.level import RMS, level_of, scaled


@settings(deadline=None)
@given(st.floats(-8, 4), st.integers(1, 3000))
def test_every_level_becomes_the_same(exponent: float, samples: int) -> None:
    wave = np.random.default_rng(samples).normal(size=samples).astype(np.float32) + np.float32(0.1)
    loud = scaled(wave * np.float32(10**exponent))
    assert loud.dtype == np.float32
    assert np.sqrt(np.mean(np.square(loud, dtype=np.float64))) == pytest.approx(RMS, rel=1e-5)
    assert level_of(wave * np.float32(10**exponent)) == pytest.approx(level_of(wave) * 10**exponent, rel=1e-5)


def test_by_hand_and_over_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = np.array([3.0, -4.0, 0.0, 0.0], np.float32)
    assert level_of(wave) == 2.5
    monkeypatch.setattr(level, "PART", 3)
    assert level_of(wave) == 2.5
    assert scaled(wave).tolist() == pytest.approx([0.06, -0.08, 0, 0])


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (np.zeros(100), "silent"),
        (np.full(100, 1e-40), "silent"),
        (np.zeros(0), "one channel"),
        (np.ones((2, 100)), "one channel"),
        (np.array([0.1, np.nan]), "not a finite number"),
        (np.array([0.1, np.inf]), "not a finite number"),
    ],
)
def test_what_has_no_level_is_refused_in_one_line(wave: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        scaled(wave.astype(np.float32))
    assert "\n" not in str(error.value)
