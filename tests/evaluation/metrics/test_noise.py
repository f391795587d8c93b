"""Noise in sound and in log spectrograms."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.noise import log_spectral_distance, snr

RNG = np.random.default_rng(0)


def test_snr_is_the_ratio_of_energies_in_db():
    clean = RNG.standard_normal(100_000)
    assert snr(clean, clean + 0.1 * RNG.standard_normal(100_000)) == pytest.approx(20, abs=0.1)
    assert snr(clean, 0 * clean) == pytest.approx(0)
    assert snr(clean, clean) == 100


def test_log_spectral_distance_is_in_db_over_real_frames():
    clean = RNG.standard_normal((2, 3, 4))
    mask = np.array([[True, True, False], [True, True, True]])
    estimate = clean + np.log(10) / 20
    estimate[0, 1] += np.log(10) / 10
    estimate[0, 2] = 1e6
    np.testing.assert_allclose(log_spectral_distance(clean, estimate, mask), [2, 1])


def test_bad_input():
    with pytest.raises(InputError, match="give equal ones"):
        snr(np.ones(3), np.ones(4))
    with pytest.raises(InputError, match="silent"):
        snr(np.zeros(3), np.ones(3))
    with pytest.raises(InputError, match="mask"):
        log_spectral_distance(np.ones((1, 2, 3)), np.ones((1, 2, 3)), np.ones((1, 3), bool))
    with pytest.raises(InputError, match="real frame"):
        log_spectral_distance(np.ones((1, 2, 3)), np.ones((1, 2, 3)), np.zeros((1, 2), bool))
