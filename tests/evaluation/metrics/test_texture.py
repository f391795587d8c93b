"""Contrast, roughness and silence of images whose values are known."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.texture import contrast, roughness, silence

MASK = np.array([[True, True, True, False]])


def image(frames):
    return np.array([frames], float)


def test_contrast_is_over_bands_of_real_frames():
    x = image([[0, 2], [0, 4], [1, 1], [50, 0]])
    assert contrast(x, MASK)[0] == pytest.approx(np.sqrt((1 + 4 + 0) / 3))


def test_roughness_is_between_real_neighbours():
    x = image([[0, 0], [1, 1], [1, 3], [90, 90]])
    assert roughness(x, MASK)[0] == pytest.approx(np.sqrt((1 + 2) / 2))
    assert roughness(x[:, :1], MASK[:, :1])[0] == 0


def test_averages_are_smooth_and_flat():
    x = np.random.default_rng(0).standard_normal((2, 20, 30))
    mask, middle = np.ones((2, 20), bool), x.mean(0)[None]
    assert contrast(middle, mask[:1]) < 0.9 * contrast(x, mask).mean()
    assert roughness(middle, mask[:1]) < 0.9 * roughness(x, mask).mean()


def test_a_frame_is_silent_if_no_band_is_6_db_over_the_floor():
    x = image([[0, 0], [0.6, 0.6], [0, 0.8], [0, 0]]) - 4
    assert silence(x, MASK, -4.0)[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("measure", [contrast, roughness])
def test_bad_images(measure):
    with pytest.raises(InputError, match="give"):
        measure(np.zeros((1, 4)), MASK)
    with pytest.raises(InputError, match="NaN"):
        measure(np.full((1, 4, 2), np.nan), MASK)
    with pytest.raises(InputError, match="without a real frame"):
        measure(np.zeros((1, 4, 2)), np.zeros((1, 4), bool))
