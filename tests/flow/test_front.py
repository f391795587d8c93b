"""The linear front: what it whitens, where it puts class means, and that it is a bijection."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.flow.additive import fit_additive
from speech_factorization.flow.front import Front
from tests.flow.toys import additive, data, make_batch, whole

THREE = {"phone": 4, "speaker": 3, "emotion": 2}
PARTS = {"phone": slice(0, 3), "speaker": slice(3, 5), "emotion": slice(5, 6)}


def fit(batches, classes, whitened=8, parts=PARTS, directions="additive", seed=0):
    parts = {name: parts[name] for name in classes}
    front = Front(12, whitened, parts, directions, "hp.fdnf").double()

    def items():
        return ((b.x.flatten(1).double(), {name: b.factors[name] for name in classes}) for b in batches)

    model = fit_additive(items(), {name: THREE[name] for name in classes})
    means = front.fit(items, model, torch.Generator().manual_seed(seed))
    return front, model, means


@pytest.fixture(scope="module")
def batches():
    return additive(data(THREE))[0]


def jacobian(front, x):
    return torch.autograd.functional.jacobian(lambda v: front(v[None])[0], x)


@pytest.mark.parametrize("classes", [(), ("phone",), ("phone", "speaker"), tuple(THREE)])
@pytest.mark.parametrize("whitened", [8, 12])
@pytest.mark.parametrize("directions", ["additive", "random"])
def test_inverse_and_log_determinant(batches, classes, whitened, directions):
    front, _, _ = fit(batches, classes, whitened, directions=directions)
    x = batches[0].x.flatten(1).double()
    torch.testing.assert_close(front.inverse(front(x)), x)
    sign_and_log = torch.linalg.slogdet(jacobian(front, x[0]))
    torch.testing.assert_close(sign_and_log[1], front.log_det)


@pytest.mark.parametrize("classes", [("phone", "speaker"), tuple(THREE)])
@pytest.mark.parametrize("whitened", [8, 12])
def test_additive_means_lie_in_their_own_part_alone(batches, classes, whitened):
    front, model, means = fit(batches, classes, whitened)
    for name, a in model.a.items():
        y = front(model.m + a)
        outside = torch.ones(12, dtype=torch.bool)
        outside[PARTS[name]] = False
        assert y[:, outside].abs().max() < 1e-9
        torch.testing.assert_close(y[:, PARTS[name]], means[name])
        assert means[name].abs().amax(0).min() > 0.05


@pytest.mark.parametrize("directions", ["additive", "random"])
def test_the_residual_is_white_in_each_part_and_outside(batches, directions):
    front, model, _ = fit(batches, tuple(THREE), directions=directions)
    x, factors = whole(batches)
    e = model.residual(x.flatten(1).double(), factors)
    y = front(model.m + e)
    covariance = y.T @ y / len(y)
    for part in (*PARTS.values(), slice(6, 8)):
        torch.testing.assert_close(covariance[part, part], torch.eye(part.stop - part.start).double())
    torch.testing.assert_close(covariance.diagonal(), torch.ones(12).double())
    if directions == "random":
        torch.testing.assert_close(covariance[:8, :8], torch.eye(8).double())


def test_without_classes_it_whitens_the_principal_components(batches):
    front, model, means = fit(batches, ())
    assert means == {}
    x = whole(batches)[0].flatten(1).double()
    y = front(x)
    torch.testing.assert_close(y[:, :8].T @ y[:, :8] / len(y), torch.eye(8).double())
    values = torch.linalg.eigvalsh(torch.cov(x.T, correction=0))
    left = torch.cov((front.Q(x - front.m)[:, 8:]).T, correction=0).trace()
    torch.testing.assert_close(left, values[:4].sum(), atol=0, rtol=1e-3)


def test_random_directions_know_no_class(batches):
    """Every factor's means are seen in every part, and other seeds give other directions."""
    front, model, means = fit(batches, ("phone", "speaker"), directions="random")
    other, _, _ = fit(batches, ("phone", "speaker"), directions="random", seed=1)
    assert (front.L - other.L).abs().max() > 0.1
    for name, a in model.a.items():
        y = front(model.m + a)
        torch.testing.assert_close(y[:, PARTS[name]], means[name])
        for part in (PARTS["phone"], PARTS["speaker"], slice(5, 8)):
            assert y[:, part].abs().max() > 0.1


def test_shifts_by_class_means_are_never_cut_off(batches):
    """All of an effect lies in the whitened dimensions, however few principal components beside it."""
    front, model, _ = fit(batches, tuple(THREE), whitened=6)
    for a in model.a.values():
        torch.testing.assert_close(front.inverse(front(model.m + a)) - model.m, a)
        assert front(model.m + a)[:, 6:].abs().max() < 1e-9


def test_noise_on_x_is_noise_on_what_is_scaled(batches):
    """`scaled` of white noise is distributed as the front's image of white noise on x."""
    front, _, _ = fit(batches, ("phone",))
    eps = torch.randn(50_000, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    through = front(front.m + eps)
    torch.testing.assert_close(through, front.scaled(front.Q(eps)))
    torch.testing.assert_close(torch.cov(front.scaled(eps).T), torch.cov(through.T), atol=0.1, rtol=0.1)
    assert torch.equal(front.scaled(eps)[:, :9], front.scaled(eps[:, :9]))


def test_a_singular_covariance_is_refused():
    of = data({"phone": 4})
    batches, _ = additive(of)
    flat = [
        make_batch(b.x.flatten(1) @ torch.diag(torch.tensor([1.0] * 5 + [0.0] * 7)), b.factors, of)
        for b in batches
    ]
    with pytest.raises(InputError, match=r"hp\.fdnf\.dimensions: the covariance of the 8 .* is singular"):
        fit(flat, ("phone",))
    few, _ = additive(of, count=7)
    with pytest.raises(InputError, match="singular.*use more data or lower it"):
        fit(few, ())


def test_too_few_dimensions_for_the_means_are_refused(batches):
    with pytest.raises(
        InputError, match=r"hp\.fdnf\.dimensions: 4 whitened dimensions, but the class means span 6"
    ):
        fit(batches, tuple(THREE), whitened=4)


def test_a_factor_that_determines_another_is_refused():
    of = data({"phone": 4, "speaker": 3})
    batches, _ = additive(of)
    doubled = []
    for b in batches:
        doubled.append(
            make_batch(b.x.flatten(1), {"phone": b.factors["phone"], "speaker": b.factors["phone"] % 3}, of)
        )
    with pytest.raises(InputError, match=r"hp\.fdnf: class means of .* lie in the span"):
        fit(doubled, ("phone", "speaker"))
