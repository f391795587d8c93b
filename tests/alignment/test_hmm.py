"""Posteriors and best paths against enumeration and a plain dynamic programme."""

import itertools

import numpy as np
import pytest
import torch

from speech_factorization.alignment.hmm import best_path, best_path_with_skips, entry_bonus, posteriors


def all_paths(T, S, skip=(), width=3):
    """Every path from position 0 to S - 1 in T frames that stays, moves on, or skips."""
    for steps in itertools.product((0, 1, width + 1), repeat=T - 1):
        path = list(itertools.accumulate((0, *steps)))
        if path[-1] != S - 1:
            continue
        if all(step <= 1 or place in skip for step, place in zip(steps, path[1:], strict=True)):
            yield path


def brute_force(scores, bonus=None, unit=None):
    """The best path by a loop over frames and positions, with a bonus on entering a unit."""
    T, S = scores.shape
    best = np.full((T, S), -np.inf)
    came = np.zeros((T, S), dtype=int)
    best[0, 0] = scores[0, 0]
    for t in range(1, T):
        for s in range(S):
            enter = best[t - 1, s - 1] if s else -np.inf
            if bonus is not None and s and unit[s] != unit[s - 1]:
                enter += bonus[t]
            came[t, s] = s - int(enter > best[t - 1, s])
            best[t, s] = max(enter, best[t - 1, s]) + scores[t, s]
    path = [S - 1]
    for t in range(T - 1, 0, -1):
        path.append(came[t, path[-1]])
    return path[::-1]


@pytest.mark.parametrize("T", [7, 8, 40, 200])
def test_best_path_is_that_of_a_plain_dynamic_programme(T):
    rng = np.random.default_rng(T)
    for S in (1, 2, 7):
        scores = rng.normal(size=(T, S)) * 10
        assert best_path(torch.from_numpy(scores).float()).tolist() == brute_force(scores.astype(np.float32))


def test_best_path_refuses_what_it_cannot_answer():
    with pytest.raises(ValueError, match="2 frames"):
        best_path(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="finite"):
        best_path(torch.tensor([[0.0, float("nan")], [0.0, 0.0]]))


@pytest.mark.parametrize("seed", range(5))
def test_entry_bonus_adds_up_to_a_bonus_on_entering(seed):
    rng = np.random.default_rng(seed)
    T, unit = 60, np.repeat(np.arange(5), 3)
    scores, bonus = rng.normal(size=(T, len(unit))) * 3, rng.normal(size=T) * 10
    extra = entry_bonus(torch.from_numpy(bonus), torch.from_numpy(unit))
    found = best_path(torch.from_numpy(scores) + extra).tolist()
    assert found == brute_force(scores, bonus, unit)
    assert found != brute_force(scores)


@pytest.mark.parametrize("skip", [(), (4,)])
def test_posteriors_are_those_of_all_paths(skip):
    rng = np.random.default_rng(0)
    T, S = 7, 6
    scores = rng.normal(size=(T, S)) * 2
    paths = list(all_paths(T, S, skip))
    weights = np.array([np.exp(sum(scores[t, s] for t, s in enumerate(path))) for path in paths])
    expected = np.zeros((T, S))
    for path, weight in zip(paths, weights / weights.sum(), strict=True):
        expected[np.arange(T), path] += weight
    # In a batch with a longer chain: padding must not leak in.
    padded = torch.full((2, T + 3, S + 2), -1e9, dtype=torch.float64)
    padded[0, :T, :S] = torch.from_numpy(scores)
    padded[1] = torch.from_numpy(rng.normal(size=(T + 3, S + 2)))
    allowed = torch.zeros(2, S + 2, dtype=torch.bool)
    allowed[0, list(skip)] = True
    gamma, likelihood = posteriors(padded, torch.tensor([T, T + 3]), torch.tensor([S, S + 2]), allowed)
    np.testing.assert_allclose(gamma[0, :T, :S], expected, atol=1e-9)
    assert gamma[0, T:].abs().sum() == 0
    assert likelihood[0] == pytest.approx(np.log(weights.sum()))


@pytest.mark.parametrize("skip", [(), (4,), (4, 9)])
def test_best_path_with_skips_is_the_best_of_all(skip):
    rng = np.random.default_rng(len(skip))
    T, S = 9, 6 if len(skip) < 2 else 11
    for _ in range(5):
        scores = rng.normal(size=(T, S)) * 3
        expected = max(
            all_paths(T, S, skip),
            key=lambda path: sum(scores[t, s] for t, s in enumerate(path)),
            default=None,
        )
        if expected is None:
            continue
        padded = torch.full((2, T + 2, S + 1), -1e9)
        padded[0, :T, :S] = torch.from_numpy(scores).float()
        padded[1] = 0.0
        allowed = torch.zeros(2, S + 1, dtype=torch.bool)
        allowed[0, list(skip)] = True
        found = best_path_with_skips(padded, torch.tensor([T, T + 2]), torch.tensor([S, S + 1]), allowed)
        assert found[0].tolist() == expected


def test_without_skips_both_best_paths_agree():
    scores = torch.from_numpy(np.random.default_rng(3).normal(size=(50, 12))).float()
    none = torch.zeros(1, 12, dtype=torch.bool)
    other = best_path_with_skips(scores[None], torch.tensor([50]), torch.tensor([12]), none)[0]
    assert best_path(scores).tolist() == other.tolist()
