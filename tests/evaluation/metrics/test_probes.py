"""Probes on codes of which it is known what can be read."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.probes import linear, mlp, recall


def codes(items, classes, seed, dimensions=8, frequent=None):
    """Classes and codes whose first dimensions are the class, one hot, with noise."""
    rng = np.random.default_rng(seed)
    index = rng.choice(classes, items, p=frequent)
    return (8 * np.eye(classes, dimensions)[index] + rng.normal(size=(items, dimensions))).astype(
        np.float32
    ), index


def both(train, y, valid, y_valid, test, seed=0):
    """Predictions of either probe."""
    return linear(train, y, test), mlp(train, y, valid, y_valid, test, seed)


def test_what_is_there_is_read_by_both():
    (train, y), (valid, y_valid), (test, truth) = (codes(n, 4, n) for n in (400, 100, 200))
    for predicted in both(train, y + 10, valid, y_valid + 10, test):
        assert recall(truth + 10, predicted) > 0.99


def test_noise_scores_one_in_k_however_frequent_a_class_is():
    frequent, found = [0.7, 0.1, 0.1, 0.1], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        y = [rng.choice(4, n, p=frequent) for n in (400, 100, 400)]
        train, valid, test = (rng.normal(size=(len(c), 5)) for c in y)
        found.append([recall(y[2], p) for p in both(train, y[0], valid, y[1], test)])
    for probe in np.array(found).T:
        assert probe.mean() == pytest.approx(1 / 4, abs=4 * probe.std() / 12**0.5)
        assert probe.std() / 12**0.5 < 0.03


def test_what_only_a_network_can_read():
    """The sign of a product."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 2))
    y = (x.prod(1) > 0).astype(int)
    by_line, by_network = both(x[:2000], y[:2000], x[2000:2400], y[2000:2400], x[2400:])
    assert recall(y[2400:], by_line) < 0.6
    assert recall(y[2400:], by_network) > 0.85


def test_the_network_is_a_function_of_the_seed():
    (train, y), (valid, y_valid), (test, _) = (codes(n, 4, n, 3) for n in (200, 50, 300))
    noisy = train + 6 * np.random.default_rng(0).normal(size=train.shape).astype(np.float32)
    first, again, other = (mlp(noisy, y, valid, y_valid, test, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_training_stops_at_the_epoch_that_suits_the_validation_items():
    """Validation items of the other way round: the network of the first epoch is the best of all."""
    train, y = codes(300, 2, 0)
    test, truth = codes(100, 2, 1)
    right = recall(truth, mlp(train, y, train, y, test, 0))
    first = mlp(train, y, train, 1 - y, test, 0)
    assert right > 0.99
    few = np.random.default_rng(0).permutation(300)[:40]
    assert (mlp(train, y, train[few], 1 - y[few], test, 0) == first).all()


def test_validation_items_of_other_classes_do_not_count():
    train, y = codes(200, 3, 0)
    test, truth = codes(100, 3, 1)
    valid, y_valid = codes(60, 5, 2)
    known = y_valid < 3
    found = mlp(train, y, valid, y_valid, test, 0)
    assert (found == mlp(train, y, valid[known], y_valid[known], test, 0)).all()
    assert recall(truth, found) > 0.99


def test_recall_by_hand():
    assert recall(np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])) == pytest.approx((2 / 3 + 1) / 2)
    with pytest.raises(InputError, match="4 classes, 3 predicted"):
        recall(np.zeros(4), np.zeros(3))
    with pytest.raises(InputError, match="0 classes"):
        recall(np.zeros(0), np.zeros(0))
