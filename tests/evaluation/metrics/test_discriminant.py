"""Reading classes from few vectors, where the answer is known."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.discriminant import balanced_accuracy, predict, shrunk_covariance


def two_halves(items, classes):
    """Classes [items] in turn, and folds that hold equally many of each."""
    return np.arange(items) % classes, np.arange(items) // classes % 2


def test_apart_is_read_and_noise_is_not():
    rng = np.random.default_rng(0)
    classes, folds = two_halves(400, 4)
    noise = rng.normal(size=(400, 10))
    assert balanced_accuracy(noise, classes, folds) == pytest.approx(1 / 4, abs=0.08)
    assert balanced_accuracy(noise + 20 * np.eye(10)[classes], classes, folds) == 1


def unbalanced():
    """Classes of 8: 60 items of the first, 20 of each other, halved."""
    classes = np.repeat(np.arange(8), [60] + 7 * [20])
    return classes, np.arange(len(classes)) % 2


def test_noise_scores_one_in_k_however_many_items_a_class_has():
    classes, folds = unbalanced()
    rng = np.random.default_rng(0)
    found = [balanced_accuracy(rng.normal(size=(200, 5)), classes, folds) for _ in range(40)]
    assert np.mean(found) == pytest.approx(1 / 8, abs=4 * np.std(found) / 40**0.5)
    assert np.std(found) / 40**0.5 < 0.006


def test_every_class_counts_as_much_as_any_other():
    """The first class, 60 of 200 items, is the only one that is read."""
    classes, folds = unbalanced()
    # The others are all called by one of their names.
    assert balanced_accuracy((classes == 0)[:, None] * 1.0, classes, folds) == pytest.approx((1 + 1) / 8)


def test_classes_on_one_line_are_read_though_their_means_have_unlike_norms():
    rng = np.random.default_rng(0)
    classes, folds = two_halves(200, 4)
    x = rng.normal(size=(200, 3))
    x[:, 0] += 12 * classes
    assert balanced_accuracy(x, classes, folds) == 1


def test_what_varies_within_classes_counts_for_less():
    rng = np.random.default_rng(0)
    classes, folds = two_halves(400, 2)
    x = rng.normal(size=(400, 2)) * (0.1, 100)
    x[:, 0] += classes
    assert balanced_accuracy(x, classes, folds) > 0.99
    means = np.stack([x[(folds == 0) & (classes == c)].mean(0) for c in (0, 1)])
    nearest = np.linalg.norm(x[folds == 1, None] - means, axis=2).argmin(1)
    assert (nearest == classes[folds == 1]).mean() < 0.8


def test_dimensions_may_outnumber_items():
    rng = np.random.default_rng(0)
    classes, folds = two_halves(40, 4)
    x = rng.normal(size=(40, 300))
    x[:, :4] += 12 * np.eye(4)[classes]
    assert balanced_accuracy(x, classes, folds) == 1


def test_the_fold_of_an_item_does_not_teach():
    """Each half has its own code of the classes: remembering items would read them, learning cannot."""
    rng = np.random.default_rng(0)
    classes, folds = two_halves(400, 4)
    x = 20 * np.eye(8)[4 * folds + classes] + rng.normal(size=(400, 8))
    assert balanced_accuracy(x, classes, folds) < 0.5


def test_scale_and_place_of_no_dimension_matter():
    rng = np.random.default_rng(0)
    classes, folds = two_halves(60, 3)
    x = rng.normal(size=(60, 5)) + np.eye(5)[classes]
    found = predict(x[folds == 0], classes[folds == 0], x[folds == 1])
    moved = x * (1e-6, 1, 10, 1e3, 1e6) + 3
    np.testing.assert_array_equal(predict(moved[folds == 0], classes[folds == 0], moved[folds == 1]), found)


def test_shrinkage_is_nearer_to_the_truth_than_the_sample_and_fades_with_items():
    rng = np.random.default_rng(0)
    truth = np.diag(np.linspace(0.5, 1.5, 30))
    few = rng.normal(size=(20, 30)) @ np.sqrt(truth)
    sample = few.T @ few / 20
    found = shrunk_covariance(few)
    assert np.linalg.norm(found - truth) < 0.5 * np.linalg.norm(sample - truth)
    assert np.trace(found) == pytest.approx(np.trace(sample))
    many = rng.normal(size=(100_000, 30)) @ np.sqrt(truth)
    np.testing.assert_allclose(shrunk_covariance(many), many.T @ many / 100_000, atol=0.005)


def test_where_nothing_varies_the_nearest_mean_is_taken():
    classes, folds = two_halves(4, 2)
    assert balanced_accuracy(np.eye(2)[classes], classes, folds) == 1


def test_bad_input_is_named():
    classes, folds = two_halves(8, 2)
    x = np.zeros((8, 3))
    with pytest.raises(InputError, match="class 0 is in one fold only"):
        balanced_accuracy(x, classes, classes)
    with pytest.raises(InputError, match=r"features \[7, 3\]"):
        balanced_accuracy(x[:7], classes, folds)
    x[0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        balanced_accuracy(x, classes, folds)
