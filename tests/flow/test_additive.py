"""The additive model against its definition."""

import pytest
import torch

from speech_factorization.flow.additive import fit_additive
from tests.flow.toys import additive, data, whole


def items(batches, classes):
    return ((b.x.flatten(1), {name: b.factors[name] for name in classes}) for b in batches)


@pytest.mark.parametrize("classes", [{}, {"phone": 4}, {"phone": 4, "speaker": 3, "emotion": 2}])
def test_effects_are_found_exactly_where_there_is_no_noise(classes):
    of = data(classes or {"phone": 4})
    batches, effects = additive(of, noise=0.0)
    found = fit_additive(items(batches, classes), classes)
    x, factors = whole(batches)
    assert list(found.a) == list(classes)
    for name, a in found.a.items():
        torch.testing.assert_close((found.counts[name] @ a), torch.zeros(12).double(), atol=1e-3, rtol=0)
        truth = effects[name] - effects[name].mean(0)
        torch.testing.assert_close(a.float() - a.mean(0).float(), truth, atol=1e-4, rtol=1e-4)
        assert found.counts[name].tolist() == torch.bincount(factors[name]).tolist()
    if classes:
        residual = found.residual(x.flatten(1), factors)
        assert residual.abs().max() < 1e-4
    torch.testing.assert_close(found.m.float(), x.flatten(1).mean(0), atol=1e-4, rtol=1e-4)


def test_it_is_what_alternating_least_squares_converges_to():
    of = data()
    batches, _ = additive(of, count=90)
    x, factors = whole(batches)
    x = x.flatten(1).double()
    fit = {name: torch.zeros(len(names), 12).double() for name, names in of.factors.items()}
    m = x.mean(0)
    for _ in range(60):
        for name in fit:
            others = sum(a[factors[f]] for f, a in fit.items() if f != name)
            rest = x - m - others
            for c in range(len(fit[name])):
                fit[name][c] = rest[factors[name] == c].mean(0)
    found = fit_additive(items(batches, {"phone": 4, "speaker": 3}), {"phone": 4, "speaker": 3})
    expected = m + sum(a[factors[f]] for f, a in fit.items())
    torch.testing.assert_close(x - found.residual(x, factors), expected, atol=1e-4, rtol=1e-4)


def test_unknown_classes_have_no_effect():
    of = data({"phone": 4})
    batches, effects = additive(of, noise=0.0)
    x, factors = whole(batches)
    factors["phone"][::3] = -1
    found = fit_additive([(x.flatten(1), factors)], {"phone": 4})
    assert found.counts["phone"].sum() == (factors["phone"] >= 0).sum()
    unknown = factors["phone"] < 0
    residual = found.residual(x.flatten(1).double(), factors)
    torch.testing.assert_close(residual[unknown], x.flatten(1).double()[unknown] - found.m)
