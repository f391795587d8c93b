"""Two classes along a line: what is there is found, what is not is not, and only outside its own fold."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.two_classes import evaluate, scores

N = 240
FOLDS = np.arange(N) % 5
CLASSES = (np.random.default_rng(0).permutation(N) < N // 3).astype(np.int64)


def measured(x):
    return evaluate(CLASSES, scores(x, CLASSES, FOLDS, 0))


def noise(d, seed=1):
    return np.random.default_rng(seed).standard_normal((N, d))


def test_noise_is_chance_even_in_more_dimensions_than_items():
    for d in (3, 600):
        found = measured(noise(d))
        assert all(0.38 < found[name] < 0.62 for name in ("error", "second_error", "ridge_error"))
        assert abs(found["fisher_ratio"]) < 0.1


def test_one_direction_is_found_and_nothing_is_left_in_its_complement():
    x = noise(30)
    x[:, 3] += 6 * CLASSES
    found = measured(x)
    assert max(found["error"], found["ridge_error"]) < 0.02
    assert found["fisher_ratio"] > 4
    assert 0.35 < found["second_error"] < 0.65


def test_what_lies_outside_the_principal_axes_is_seen_by_ridge_alone():
    # 300 strong dimensions that say nothing, and the classes in weak ones behind them.
    x = np.concatenate([20 * noise(300), noise(60) + 3.0 * (2 * CLASSES[:, None] - 1)], 1)
    found = measured(x)
    assert found["error"] > 0.3
    assert found["ridge_error"] < 0.12


def test_directions_do_not_depend_on_the_scale_or_the_place_of_the_code():
    x = noise(20)
    x[:, 0] += 2 * CLASSES
    a, b = scores(x, CLASSES, FOLDS, 0), scores(50 * x + 7, CLASSES, FOLDS, 0)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert a.first[CLASSES == 1].mean() > 0.5 > 0 > a.first[CLASSES == 0].mean()
    parts = [a.first[CLASSES == 0], a.first[CLASSES == 1]]
    within = np.concatenate([part - part.mean() for part in parts])
    assert within.std() == pytest.approx(1, abs=0.15)


def test_one_dimension_has_no_complement():
    found = measured(noise(1) + 8 * CLASSES[:, None])
    assert found["error"] == 0
    assert found["second_error"] == 0.5


@pytest.mark.parametrize("classes", [np.zeros(N, np.int64), CLASSES + 1])
def test_two_classes_are_needed(classes):
    with pytest.raises(InputError, match="give items of 0 and of 1"):
        scores(noise(3), classes, FOLDS, 0)


def test_a_class_in_one_fold_alone():
    with pytest.raises(InputError, match="in one fold only"):
        scores(noise(3), CLASSES, np.where(CLASSES == 1, 1, FOLDS), 0)
