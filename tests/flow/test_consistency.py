"""Moved codes: who is moved where, whom their losses reach, and what they are compared with."""

import pytest
import torch

from speech_factorization.flow.consistency import SHRINK, Cells, Classifiers, draw_moves
from tests.flow.toys import additive, at, build, data, fitted

CLASSES = {"phone": 4, "speaker": 3}


def drawn(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randint(count, (n,), generator=generator) for name, count in CLASSES.items()}


def test_every_factor_is_changed_in_its_share_and_to_another_class():
    factors = drawn(6000)
    targets, changed = draw_moves(factors, CLASSES, torch.Generator().manual_seed(1))
    assert (changed["phone"] ^ changed["speaker"]).all()
    for name, count in CLASSES.items():
        assert changed[name].float().mean() == 0.5
        assert torch.equal(targets[name] != factors[name], changed[name])
        moved = targets[name][changed[name] & (factors[name] == 1)]
        shares = torch.bincount(moved, minlength=count) / len(moved)
        assert shares[1] == 0
        others = torch.cat([shares[:1], shares[2:]])
        assert (others - 1 / (count - 1)).abs().max() < 0.05


def test_an_item_of_unknown_class_stays():
    factors = {name: torch.full((8,), -1) for name in CLASSES}
    targets, changed = draw_moves(factors, CLASSES, torch.Generator().manual_seed(1))
    assert not any(mine.any() for mine in changed.values())
    assert all((target == -1).all() for target in targets.values())
    y = torch.randn(8, 5)
    read = Classifiers(5, CLASSES).entropies(y, targets, fixed=False)
    assert all((nats == 0).all() for nats in read.values())
    assert (Cells(5, CLASSES).matching(y, factors, targets) == 0).all()


@pytest.mark.parametrize("fixed", [True, False])
def test_moved_codes_teach_the_flow_and_not_the_classifiers(fixed):
    g, y = Classifiers(5, CLASSES), torch.randn(8, 5, requires_grad=True)
    sum(nats.sum() for nats in g.entropies(y, drawn(8), fixed).values()).backward()
    assert y.grad.abs().max() > 0
    assert all((p.grad is None) == fixed for p in g.parameters())


def test_entropies_are_those_of_the_networks():
    g, y, factors = Classifiers(5, CLASSES), torch.randn(8, 5), drawn(8)
    for name, nats in g.entropies(y, factors, fixed=True).items():
        log_p = g.networks[name](y).log_softmax(1)
        torch.testing.assert_close(nats, -log_p[torch.arange(8), factors[name]])


def test_cells_are_means_drawn_to_the_additive_model():
    cells, factors = Cells(2, CLASSES), drawn(50)
    y, model = torch.randn(50, 2), torch.randn(12, 2)
    cells.fit(
        [
            (y[:20], {k: c[:20] for k, c in factors.items()}),
            (y[20:], {k: c[20:] for k, c in factors.items()}),
        ],
        model,
    )
    for row, (phone, speaker) in enumerate(torch.cartesian_prod(torch.arange(4), torch.arange(3)).tolist()):
        of_cell = y[(factors["phone"] == phone) & (factors["speaker"] == speaker)]
        expected = (of_cell.sum(0) + SHRINK * model[row]) / (len(of_cell) + SHRINK)
        torch.testing.assert_close(cells.M[row], expected)
        one = {"phone": torch.tensor([phone]), "speaker": torch.tensor([speaker])}
        assert cells.index(one).item() == row
    every = cells.every(torch.device("cpu"))
    assert torch.equal(cells.index(every), torch.arange(12))


def test_the_move_of_the_means_matches_them():
    cells, factors = Cells(2, CLASSES), drawn(6)
    cells.M.copy_(torch.randn(12, 2))
    targets, _ = draw_moves(factors, CLASSES, torch.Generator().manual_seed(1))
    change = cells.M[cells.index(targets)] - cells.M[cells.index(factors)]
    assert cells.matching(change, factors, targets).abs().max() == 0
    torch.testing.assert_close(cells.matching(change + 1, factors, targets), torch.full((6,), 2.0))


def test_the_flow_starts_with_cells_of_its_own_coordinates():
    """On additive data without noise in the means the cells are the additive ones, each in its part."""
    batches, _ = additive(data(), noise=1.0)
    model = fitted("fdnf", data(), batches, dimensions=12, matching=1.0)
    y = torch.cat([model.front(model.standardise(batch.x).flatten(1)) for batch in batches])
    factors = {name: torch.cat([batch.factors[name] for batch in batches]) for name in model.parts}
    row = model.cells.index(factors)
    for cell in row.unique().tolist():
        of_cell = y[row == cell]
        raw = (model.cells.M[cell] * (len(of_cell) + SHRINK) - of_cell.sum(0)) / SHRINK
        for name, part in model.parts.items():
            c = model.cells.every(y.device)[name][cell]
            torch.testing.assert_close(raw[part], model.prior.mean(name)[c], atol=2e-2, rtol=2e-2)


def test_the_weights_of_the_loss():
    batches, _ = additive(data(), noise=1.0)
    plain = fitted("fdnf", data(), batches, dimensions=12, consistency=1.0, noise=0.0)
    batch = batches[0]
    terms = plain.loss(batch, "flow", at())
    assert terms["consistency"] > 0
    assert terms["matching"] > 0
    torch.testing.assert_close(terms["loss"], terms["nll"] / 12)
    losses = {}
    for weights in ((0.0, 1.0), (30.0, 1.0), (0.0, 3.0)):
        other = build("fdnf", data(), dimensions=12, consistency=weights[0], matching=weights[1], noise=0.0)
        other.load_state_dict(plain.state_dict())
        losses[weights] = other.loss(batch, "flow", at(training=True))
    base = losses[0.0, 1.0]
    torch.testing.assert_close(losses[30.0, 1.0]["loss"] - base["loss"], 30 * base["consistency"] / 12)
    torch.testing.assert_close(losses[0.0, 3.0]["loss"] - base["loss"], 2 * base["matching"] / 12)


def test_without_weights_there_are_no_classifiers():
    model = build("fdnf", data(), dimensions=12)
    assert model.classifiers is None
    assert not any(key.startswith(("classifiers", "cells")) for key in model.state_dict())
