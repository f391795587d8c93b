"""Autoregressive dynamical VAEs: what is fed for x_{t-1}, in decoding and in training."""

import dataclasses

import pytest
import torch

from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.dynamical.layers import previous
from tests.models.small import AUTOREGRESSIVE, T, at, batch_of, build, power


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_without_the_true_past_the_models_own_output_is_fed_back(name: str) -> None:
    model = build(name)
    z = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    y = model.decode({"z": z})
    torch.testing.assert_close(model.decode({"z": z, "x_past": previous(y)}), y)
    assert not torch.allclose(model.decode({"z": z, "x_past": previous(2 * y)}), y)


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_codes_hold_the_true_past(name: str) -> None:
    model, x = build(name), power(2, T)
    codes = model.encode(x)
    torch.testing.assert_close(codes["x_past"], previous(x))
    with torch.no_grad():
        frames = model(x, **model.noise(x, None))
    torch.testing.assert_close(model.decode(codes), frames.log_y.exp())
    p, log_y = model.closed_loop(codes["z"], x, torch.zeros(2, T, dtype=torch.bool))
    torch.testing.assert_close((p.mean, p.logvar, log_y), (frames.p.mean, frames.p.logvar, frames.log_y))


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_scheduled_sampling_goes_from_the_truth_to_the_models_own_output(name: str) -> None:
    model, batch = build(name, scheduled_sampling=[2, 6]), batch_of(power(2, T))
    assert [model.own_share(at(epoch)) for epoch in (0, 2, 3, 4, 6, 9)] == [0, 0, 0.25, 0.5, 1, 1]
    assert model.own_share(at(0, training=False)) == 1
    forced, early, late = (
        build(name, scheduled_sampling=schedule).loss(batch, "model", at(epoch))["reconstruction"]
        for schedule, epoch in ((None, 9), ([2, 6], 1), ([2, 6], 9))
    )
    assert forced == early != late
    noise = model.noise(batch.x, at().generator)
    z = model(batch.x, **noise).codes["z"]
    expected = itakura_saito(batch.x, model.closed_loop(z)[1]).mean()
    torch.testing.assert_close(late, expected)
    assert model.settled_after == 6
    with_truth = dataclasses.replace(at(9, training=False), true_past=True)
    assert model.own_share(with_truth) == 0


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_half_of_the_own_output_is_fed(name: str) -> None:
    model, x = build(name, scheduled_sampling=[2, 6]), power(2, T)
    terms = model.loss(batch_of(x), "model", at(4))
    generator = at().generator
    noise = model.noise(x, generator)
    own = torch.rand(2, T, generator=generator) < 0.5
    frames = model(x, **noise)
    z = frames.codes["z"]
    p, log_y = model.closed_loop(z, x, own)
    mixed = previous(torch.where(own[..., None], log_y.exp(), x))
    torch.testing.assert_close(model.teacher_forced(z, mixed), log_y)
    torch.testing.assert_close(terms["reconstruction"], itakura_saito(x, log_y).mean())
    torch.testing.assert_close(terms["kl"], frames.q.kl(p).mean())


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_no_gradient_goes_through_the_output_that_is_fed_back(name: str) -> None:
    model = build(name)
    z = torch.randn(1, T, 3, generator=torch.Generator().manual_seed(0))
    fed_back = previous(model.closed_loop(z)[1].exp().detach())
    of_loop, of_truth = (
        torch.autograd.grad(log_y[0, -1].sum(), model.p_x.head.weight)
        for log_y in (model.closed_loop(z)[1], model.teacher_forced(z, fed_back))
    )
    torch.testing.assert_close(of_loop, of_truth)
