"""The prior is what its formula says, by torch's own distributions."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from speech_factorization.flow.prior import FactorialPrior, standard_log_prob

PARTS = {"phone": slice(0, 2), "speaker": slice(2, 5)}
COUNTS = {"phone": torch.tensor([6.0, 3.0, 1.0]), "speaker": torch.tensor([1.0, 3.0])}


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def prior():
    made = FactorialPrior(PARTS, {"phone": 3, "speaker": 2}, rate=10.0).double()
    for i, (name, count) in enumerate(COUNTS.items()):
        width = PARTS[name].stop - PARTS[name].start
        made.set(name, 2 * normal(len(count), width, seed=i + 5), count)
    return made


def conditional(mu):
    return Independent(Normal(mu, torch.ones_like(mu)), 1)


def expected(prior, z, factors):
    """ln p(z | c), item by item and factor by factor."""
    found = torch.zeros(len(z), dtype=torch.float64)
    for i in range(len(z)):
        for name, part in PARTS.items():
            mu, c = prior.mean(name), int(factors.get(name, [-1] * len(z))[i])
            mixture = MixtureSameFamily(Categorical(COUNTS[name].double()), conditional(mu))
            found[i] += (mixture if c < 0 else conditional(mu[c])).log_prob(z[i, part])
        rest = z[i, 5:]
        found[i] += MultivariateNormal(torch.zeros_like(rest), torch.eye(len(rest)).double()).log_prob(rest)
    return found


@pytest.mark.parametrize(
    "factors",
    [
        {"phone": [0, 1, 2, 0], "speaker": [1, 0, 1, 1]},
        {"phone": [-1, 1, -1, 0], "speaker": [1, -1, -1, 0]},
        {"phone": [0, 1, 2, 0]},
        {},
    ],
)
def test_class_conditional_where_known_and_the_mixture_elsewhere(prior, factors):
    z, classes = normal(4, 9), {name: torch.tensor(values) for name, values in factors.items()}
    found = prior.log_prob(z, classes, prior.scores(z))
    torch.testing.assert_close(found, expected(prior, z, factors))


def test_without_parts_it_is_standard_normal():
    z = normal(4, 9)
    prior = FactorialPrior({}, {})
    assert not list(prior.parameters())
    torch.testing.assert_close(prior.log_prob(z, {}, prior.scores(z)), standard_log_prob(z))
    truth = Normal(0.0, 1.0).log_prob(z).sum(1)
    torch.testing.assert_close(standard_log_prob(z), truth)


def test_cross_entropy_is_that_of_the_posterior(prior):
    z, c = normal(5, 9), torch.tensor([0, 2, -1, 1, -1])
    score = prior.scores(z)["phone"]
    pi = COUNTS["phone"] / COUNTS["phone"].sum()
    joint = torch.stack(
        [
            conditional(mu).log_prob(z[:, :2]) + math.log(p)
            for mu, p in zip(prior.mean("phone"), pi, strict=True)
        ],
        1,
    )
    truth = -joint.log_softmax(1)[[0, 1, 3], [0, 2, 1]].mean()
    torch.testing.assert_close(prior.cross_entropy("phone", score, c), truth)
    nobody = prior.cross_entropy("phone", score, torch.full((5,), -1))
    assert nobody == 0


def test_samples_have_the_priors_means_and_shares(prior):
    like = torch.empty(0, dtype=torch.float64)
    z = prior.sample((20_000, 9), torch.Generator().manual_seed(0), like)
    for name, part in PARTS.items():
        pi = (COUNTS[name] / COUNTS[name].sum()).double()
        mean = pi @ prior.mean(name)
        torch.testing.assert_close(z[:, part].mean(0), mean, atol=0.06, rtol=0)
        second = torch.einsum("c,ci,cj->ij", pi, prior.mean(name), prior.mean(name)) - mean.outer(mean)
        covariance = torch.eye(len(mean)).double() + second
        torch.testing.assert_close(torch.cov(z[:, part].T), covariance, atol=0.15, rtol=0.05)
    torch.testing.assert_close(z[:, 5:].std(0), torch.ones(4).double(), atol=0.03, rtol=0)
    again = prior.sample((20_000, 9), torch.Generator().manual_seed(0), like)
    assert torch.equal(z, again)


def test_means_learn_at_their_own_rate():
    """A step of Adam moves every parameter by its learning rate: a mean by `rate` times as much."""
    moved = {}
    for rate in (1.0, 10.0):
        prior = FactorialPrior({"phone": slice(0, 2)}, {"phone": 3}, rate)
        prior.set("phone", torch.ones(3, 2), torch.ones(3))
        torch.testing.assert_close(prior.mean("phone"), torch.ones(3, 2))
        optimiser = torch.optim.Adam(prior.parameters(), lr=1e-3)
        z = torch.tensor([[5.0, -5.0]])
        (-prior.log_prob(z, {"phone": torch.tensor([1])}, prior.scores(z))).sum().backward()
        optimiser.step()
        moved[rate] = (prior.mean("phone")[1] - 1).abs().mean().item()
    assert moved[1.0] == pytest.approx(1e-3, rel=1e-3)
    assert moved[10.0] == pytest.approx(1e-2, rel=1e-3)
