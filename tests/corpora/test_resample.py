"""Resampling block by block is resampling the whole."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from speech_factorization.corpora.resample import sixteen_bit
from tests.corpora.trees import noise

RATES = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]


@given(
    st.sampled_from(RATES),
    st.integers(0, 4000),
    st.lists(st.integers(0, 4000), max_size=5),
)
@settings(deadline=None)
def test_wherever_blocks_end(rate: int, samples: int, ends: list[int]) -> None:
    wave = noise(samples, seed=samples) / 32768
    blocks = np.split(wave, sorted(min(end, samples) for end in ends))
    found = np.concatenate([np.zeros(0, dtype=np.int16), *sixteen_bit(blocks, rate)])
    divisor = math.gcd(rate, 16_000)
    expected = resample_poly(wave, 16_000 // divisor, rate // divisor) if samples else wave
    np.testing.assert_array_equal(found, np.clip(np.round(expected * 32768), -32768, 32767).astype(np.int16))


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_what_overshoots_is_clipped(rate: int) -> None:
    square = np.sign(np.sin(np.arange(8000) / 20))
    wave = np.concatenate(list(sixteen_bit([1.5 * square], rate)))
    assert (wave.min(), wave.max()) == (-32768, 32767)
    assert wave.dtype == np.int16
