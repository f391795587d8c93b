"""Class separation where the answer is known."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.separation import evaluate, f_ratio, silhouette


def blobs(items, classes, dimensions, spread, seed=0):
    """Class means ~ N(0, spread^2 I), items around them ~ N(0, I)."""
    rng = np.random.default_rng(seed)
    index = np.arange(items) % classes
    means = spread * rng.normal(size=(classes, dimensions))
    return means[index] + rng.normal(size=(items, dimensions)), index


@pytest.mark.parametrize(("items", "classes", "dimensions"), [(200, 40, 10), (2000, 5, 50), (400, 20, 1000)])
def test_noise_has_none_in_any_number_of_dimensions_and_items(items, classes, dimensions):
    found = [f_ratio(*blobs(items, classes, dimensions, 0.0, seed)) for seed in range(20)]
    assert abs(np.mean(found)) < 4 * np.std(found) / 20**0.5
    assert np.std(found) < 0.02


def test_f_ratio_is_that_of_the_variances_however_many_items():
    for items in (200, 20_000):
        assert f_ratio(*blobs(items, 100, 30, 2.0)) == pytest.approx(4.0, rel=0.1)


def test_f_ratio_by_hand_and_in_one_dimension_that_of_the_analysis_of_variance():
    x, classes = np.array([[0.0], [2.0], [6.0], [8.0]]), np.array([0, 0, 1, 1])
    # Means 1 and 7: between 36, within (1 + 1 + 1 + 1) / 2 = 2; two items each.
    assert f_ratio(x, classes) == pytest.approx((36 - 2) / 2 / 2)


def test_unequal_classes():
    rng = np.random.default_rng(0)
    classes = np.repeat(np.arange(200), rng.integers(2, 60, 200))
    x = 1.5 * rng.normal(size=(200, 40))[classes] + rng.normal(size=(len(classes), 40))
    assert f_ratio(x, classes) == pytest.approx(2.25, rel=0.1)


def test_place_and_scale_do_not_matter():
    x, classes = blobs(100, 4, 3, 1.0)
    assert f_ratio(1e4 * x + 1e6, classes) == pytest.approx(f_ratio(x, classes), rel=1e-6)
    assert f_ratio((7 + x).astype(np.float32), classes) == pytest.approx(f_ratio(x, classes), rel=1e-4)


def test_silhouette_by_hand():
    distances = np.array([[0, 1, 4], [1, 0, 3], [4, 3, 0.0]])
    # 1 - 1/4 and 1 - 1/3; the third is alone.
    assert silhouette(distances, np.array([0, 0, 1])) == pytest.approx((3 / 4 + 2 / 3 + 0) / 3)


def test_every_factor_of_one_code_and_what_is_unknown_stays_out():
    x, classes = blobs(120, 3, 5, 5.0)
    other = np.arange(120) // 60
    found = evaluate(x, {"phone": classes, "speaker": other})
    assert found["phone"]["f_ratio"] > 5
    assert found["phone"]["silhouette"] > 0.5
    assert abs(found["speaker"]["f_ratio"]) < 0.1
    hidden = np.where(np.arange(120) < 12, -1, classes)
    x[:12] = 1e6
    assert evaluate(x, {"phone": hidden})["phone"]["silhouette"] > 0.5


def test_bad_input_is_named():
    x, classes = blobs(10, 2, 3, 1.0)
    with pytest.raises(InputError, match=r"x \[10, 3\], classes \[9\]"):
        f_ratio(x, classes[:9])
    with pytest.raises(InputError, match="1 classes in 10"):
        f_ratio(x, 0 * classes)
    with pytest.raises(InputError, match="10 classes in 10"):
        f_ratio(x, np.arange(10))
    with pytest.raises(InputError, match="nothing varies within"):
        f_ratio(np.eye(2)[classes], classes)
    assert f_ratio(np.ones((10, 2)), classes) == 0
    x[0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        f_ratio(x, classes)
