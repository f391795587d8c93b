"""Segment VAE: its bound against quadrature, its units, and that it does not collapse."""

import math

import pytest
import torch
from torch import Tensor

from speech_factorization.dynamical.gaussian import standard_noise
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Schedule, Trainable
from speech_factorization.models.segment_vae import Hyperparameters, Model

SHAPE = (4, 5)


def segments(n: int = 64, seed: int = 0) -> Tensor:
    """Two causes, twenty dimensions, offset and scale far from standard."""
    g = torch.Generator().manual_seed(seed)
    causes = torch.randn(n, 2, generator=g) @ torch.randn(2, 20, generator=torch.Generator().manual_seed(9))
    return (3 * (causes + 0.1 * torch.randn(n, 20, generator=g)) - 7).view(n, *SHAPE)


def batch(x: Tensor) -> Batch:
    names = tuple(f"utterance{i}" for i in range(len(x)))
    return Batch(x, torch.full((len(x),), x.shape[1]), utterances=names)


def build(x: Tensor, **hp: object) -> Model:
    torch.manual_seed(0)
    model = Model(Hyperparameters(**{"z_dim": 3, "hidden": [16], **hp}), Data({}, SHAPE))
    model.initialise([batch(x)])
    return model


def schedule(seed: int = 0, training: bool = True) -> Schedule:
    return Schedule(0, 1, 0, torch.Generator().manual_seed(seed), training)


@torch.no_grad()
def test_elbo_is_the_likelihood_less_the_posteriors_divergence() -> None:
    x = segments()
    model = build(x, z_dim=1).double()
    model.log_s2.uniform_(-0.1, 0.1, generator=torch.Generator().manual_seed(0))
    one = x[:1].double()
    flat = model.standardise(one).flatten(1)

    z = torch.linspace(-10, 10, 20_001, dtype=torch.float64)[:, None]
    width = float(z[1] - z[0])
    density = torch.distributions.Normal(model.f(z), (5 * model.log_s2).exp())
    log_px = density.log_prob(flat).sum(-1)
    log_p = torch.distributions.Normal(0, 1).log_prob(z).sum(-1)
    q = model.posterior(one)
    log_q = q.log_prob(z)
    log_likelihood = (log_p + log_px).logsumexp(0) + math.log(width)
    expected = (log_q.exp() * (log_p + log_px - log_q) * width).sum()

    many = one.expand(200_000, *SHAPE)
    eps = standard_noise((200_000, 1), torch.Generator().manual_seed(1), many)
    bound = -sum(model(many, eps)).mean()
    torch.testing.assert_close(bound, expected, atol=0.02, rtol=0)
    assert bound < log_likelihood - 0.05
    terms = model.loss(batch(many), "model", schedule(1))
    torch.testing.assert_close(terms["elbo"], bound)


def test_learns_the_causes_and_the_noise() -> None:
    x = segments(512)
    model = build(x)
    assert isinstance(model, Trainable)
    adam = torch.optim.Adam([p for params in model.players().values() for p in params], 1e-2)
    generator = torch.Generator().manual_seed(0)
    for step in range(300):
        adam.zero_grad()
        model.loss(batch(x), "model", Schedule(step, 300, step, generator, True))["loss"].backward()
        adam.step()
    test = segments(512, seed=1)
    error = (model.decode(model.encode(test)) - test).square().mean() / test.var(0).mean()
    assert error < 0.05
    found = model.loss(batch(test), "model", schedule(training=False))
    bits_per_dim = -float(found["elbo"].detach()) / (20 * math.log(2))
    constant = 0.5 * math.log2(2 * math.pi * math.e)
    assert bits_per_dim < constant - 1
    assert found["kl"] > 2


def test_codes_are_raw_in_raw_out() -> None:
    x = segments()
    model = build(x)
    z = model.encode(x)["z"]
    assert z.shape == (64, 3)
    decoded = model.decode({"z": z})
    assert decoded.shape == x.shape
    torch.testing.assert_close(decoded.mean((1, 2)), x.mean((1, 2)), atol=15, rtol=0)
    sampled, again = (model.encode(x, generator=torch.Generator().manual_seed(0))["z"] for _ in range(2))
    assert torch.equal(sampled, again)
    assert not torch.allclose(sampled, z)


def test_terms() -> None:
    x = segments()
    model = build(x, beta=0.2)
    terms = model.loss(batch(x), "model", schedule())
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 0.2 * terms["kl"])
    torch.testing.assert_close(terms["elbo"], -terms["reconstruction"] - terms["kl"])


def test_samples_spread_as_the_model_says() -> None:
    x = segments()
    model = build(x)
    with torch.no_grad():
        model.f[-1].weight.zero_()
        model.log_s2.fill_(math.log(4) / 10)
    sampled = model.sample(20_000, torch.Generator().manual_seed(0))
    assert sampled.shape == (20_000, *SHAPE)
    torch.testing.assert_close(sampled.std(0), 2 * model.standardise.scale, rtol=0.03, atol=0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_segment_is_named(bad: float) -> None:
    x = segments()
    model = build(x)
    x[3, 2, 1] = bad
    with pytest.raises(InputError, match="utterance3: frame 2 of the input is not finite"):
        model.loss(batch(x), "model", schedule())
