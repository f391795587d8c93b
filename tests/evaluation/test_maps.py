"""Maps show the items and classes they say, from one seed the same."""

import numpy as np
import pytest

from speech_factorization.evaluation.maps import CLASSES, choose, draw_maps, embed

NAMES = {"phone": [f"p{i}" for i in range(12)], "speaker": ["f", "m", "n"]}


def labels(items=300, seed=0):
    rng = np.random.default_rng(seed)
    weights = np.arange(1, 13) / 78
    return {"phone": rng.choice(12, items, p=weights), "speaker": rng.integers(-1, 3, items)}


def test_the_ten_most_frequent_classes_of_every_factor_at_once():
    factors = labels()
    items, shown = choose(factors, 1000, 0)
    counts = np.bincount(factors["phone"])
    assert len(shown["phone"]) == CLASSES
    assert counts[shown["phone"]].tolist() == sorted(counts, reverse=True)[:CLASSES]
    assert sorted(shown["speaker"]) == [0, 1, 2]
    expected = np.isin(factors["phone"], shown["phone"]) & (factors["speaker"] >= 0)
    assert (items == np.flatnonzero(expected)).all()


def test_of_equally_frequent_classes_the_first():
    _, shown = choose({"phone": np.arange(24) % 12}, 1000, 0)
    assert shown["phone"] == list(range(CLASSES))


def test_a_limit_draws_by_the_seed():
    first, again, other = (choose(labels(), 50, seed)[0] for seed in (0, 0, 1))
    assert len(first) == 50
    assert (np.diff(first) > 0).all()
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(("items", "dimensions"), [(60, 8), (60, 1), (5, 3)])
def test_maps_keep_neighbours_and_are_the_same_from_one_seed(items, dimensions):
    rng = np.random.default_rng(0)
    classes = np.arange(items) % 2
    x = (rng.normal(size=(items, dimensions)) + 30 * classes[:, None]).astype(np.float32)
    points = embed(x, 0)
    assert points.shape == (items, 2)
    assert (embed(x, 0) == points).all()
    if items == 60:
        distances = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(items)
        assert (classes[distances.argmin(1)] == classes).all()


def test_a_row_per_code_and_a_column_per_factor():
    factors = labels()
    items, shown = choose(factors, 100, 0)
    classes = {name: c[items] for name, c in factors.items()}
    points = {name: np.random.default_rng(i).normal(size=(100, 2)) for i, name in enumerate(("a", "b", "c"))}
    figure = draw_maps(points, classes, shown, NAMES)
    assert len(figure.axes) == 6
    assert [ax.get_ylabel() for ax in figure.axes[::2]] == ["a", "b", "c"]
    assert [ax.get_title() for ax in figure.axes[:2]] == ["coloured by phone", "coloured by speaker"]
    said = [[text.get_text() for text in ax.get_legend().get_texts()] for ax in figure.axes[4:]]
    assert said == [[NAMES[name][c] for c in shown[name]] for name in factors]
    for ax, name in zip(figure.axes[2:4], factors, strict=True):
        drawn = np.concatenate([group.get_offsets() for group in ax.collections])
        expected = np.concatenate([points["b"][classes[name] == c] for c in shown[name]])
        np.testing.assert_array_equal(drawn, expected)
        assert len({tuple(group.get_facecolor()[0]) for group in ax.collections}) == len(shown[name])
