"""The parts of the linear front: reflection, principal components, oblique coordinates."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.flow.oblique import coordinates, own_directions, rotation, span
from speech_factorization.flow.reflection import Reflection
from speech_factorization.flow.subspace import principal_components


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def orthonormal(size, columns, seed=0):
    return torch.linalg.qr(normal(size, columns, seed=seed))[0]


@pytest.mark.parametrize(("size", "width"), [(7, 3), (7, 7), (5, 1), (4, 0)])
def test_a_reflection_turns_the_subspace_to_the_first_axes(size, width):
    basis = orthonormal(size, width)
    q = Reflection(size, width).double()
    q.set(basis)
    matrix = q(torch.eye(size).double())
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(size).double())
    torch.testing.assert_close(matrix[:, :width], q.columns)
    torch.testing.assert_close(q.columns @ q.columns.T, basis @ basis.T)
    x = normal(3, size, seed=1)
    torch.testing.assert_close(q(q(x)), x)


def test_a_reflection_of_the_axes_themselves_and_of_axes_outside():
    for rows in ([0, 1], [2, 3], [1, 0]):
        basis = torch.eye(4).double()[:, rows]
        q = Reflection(4, 2).double()
        q.set(basis)
        torch.testing.assert_close(q.columns @ q.columns.T, basis @ basis.T)


def test_a_reflection_is_the_identity_until_it_is_set():
    x = torch.randn(3, 6)
    assert torch.equal(Reflection(6, 2)(x), x)


def test_a_reflection_is_exact_in_float32_at_4000_dimensions():
    q = Reflection(4000, 256)
    q.set(orthonormal(4000, 256))
    x = normal(64, 4000).float()
    assert (q(q(x)) - x).abs().max() < 2e-5


@pytest.mark.parametrize(("count", "rank"), [(3, 0), (4, 2), (0, 3), (18, 2)])
def test_principal_components_are_those_of_the_covariance(count, rank):
    outside = orthonormal(20, rank, seed=3)
    x = (normal(300, 20) * torch.linspace(3, 0.5, 20)).float()
    found = principal_components(lambda: x.split(70), count, outside, torch.Generator().manual_seed(0))
    left = (x.double() - x.double() @ outside @ outside.T).float().double()
    expected = torch.linalg.eigh(left.T @ left)[1].flip(1)[:, :count]
    torch.testing.assert_close(found @ found.T, expected @ expected.T, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.T @ found, torch.eye(count).double())
    if count and rank:
        assert (outside.T @ found).abs().max() < 1e-10


def test_a_few_passes_come_close_where_the_spectrum_falls_slowly():
    x = (normal(2000, 500) * torch.arange(1, 501).double() ** -0.3).float()
    none = torch.zeros(500, 0, dtype=torch.float64)
    found = principal_components(lambda: x.split(500), 60, none, torch.Generator().manual_seed(0))
    scatter = x.double().T @ x.double()
    best = torch.linalg.eigvalsh(scatter)[-60:].sum()
    assert torch.trace(found.T @ scatter @ found) > 0.99 * best


def centred(classes, size, seed):
    means = normal(classes, size, seed=seed)
    return means - means.mean(0)


MEANS = {"phone": centred(5, 20, 0), "speaker": centred(4, 20, 1), "emotion": centred(3, 20, 2)}
WEIGHTS = {name: torch.ones(len(means)).double() for name, means in MEANS.items()}


def test_own_directions_see_their_own_means_alone():
    found = own_directions(MEANS, WEIGHTS)
    for name, directions in found.items():
        rank = len(MEANS[name]) - 1
        assert directions.shape == (rank, 20)
        torch.testing.assert_close(directions @ directions.T, torch.eye(rank).double())
        for other, means in MEANS.items():
            seen = means @ directions.T
            if other == name:
                assert torch.linalg.matrix_rank(seen) == rank
                scatter = seen.square().sum(0)
                assert torch.equal(scatter, scatter.sort(descending=True).values)
            else:
                assert seen.abs().max() < 1e-10


def test_coordinates_stand_part_after_part():
    """A part that is too small keeps the strongest directions, a larger one is filled up."""
    own = own_directions(MEANS, WEIGHTS)
    turn = coordinates(MEANS, WEIGHTS, {"phone": 2, "speaker": 6, "emotion": 2})
    assert torch.linalg.cond(turn) < 100
    torch.testing.assert_close(turn.square().sum(1), torch.ones(20).double())
    torch.testing.assert_close(turn[:2], own["phone"][:2])
    torch.testing.assert_close(turn[2:5], own["speaker"])
    torch.testing.assert_close(turn[8:10], own["emotion"])
    torch.testing.assert_close(turn[10:12], own["phone"][2:])
    for filled in (turn[5:8], turn[12:]):
        assert all((means @ filled.T).abs().max() < 1e-10 for means in MEANS.values())


def test_factors_that_determine_each_other_are_refused():
    sex = MEANS["speaker"][[0, 0, 1, 1]] + MEANS["speaker"][[2, 2, 3, 3]]
    with pytest.raises(InputError, match="lie in the span"):
        own_directions(MEANS | {"sex": sex - sex.mean(0)}, WEIGHTS | {"sex": torch.ones(4).double()})


def test_a_rotation_is_orthogonal_and_seeded():
    first, again, other = (rotation(9, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(first @ first.T, torch.eye(9).double())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_span_ignores_what_depends_on_the_rest():
    rows = normal(3, 6)
    assert span(torch.cat([rows, rows[:1] - 2 * rows[1:2]])).shape == (6, 3)
    assert span(torch.zeros(2, 6).double()).shape == (6, 0)
