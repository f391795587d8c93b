"""The model's own loss terms on test data."""

import math

import pytest
import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import likelihood
from speech_factorization.interfaces import Batch, Schedule


class Gaussian(nn.Module):
    """log p(x) = sum of ln N(x; m, 1), with a made-up split in two terms."""

    inputs = ("segments",)
    likelihood_of = "toy, nats per segment"
    beta = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(()))
        self.schedules: list[Schedule] = []

    def players(self):
        return {"model": [self.m]}

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        self.schedules.append(schedule)
        nll = (0.5 * (batch.x - self.m).square() + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1).mean()
        noise = torch.rand((), generator=schedule.generator)
        return {"loss": nll + noise, "reconstruction": nll - 1, "kl": torch.ones(()), "elbo": -nll}


def batches(*sizes: int) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    xs = [torch.randn(size, 20, 200, generator=generator) * (i + 1) for i, size in enumerate(sizes)]
    return [Batch(x, torch.full((len(x),), 20)) for x in xs]


def test_terms_are_means_over_items_and_bits_follow_from_the_bound() -> None:
    test = batches(8, 3)
    found = likelihood.run(Gaussian(), test, seed=0).numbers["likelihood"]
    x = torch.cat([b.x for b in test])
    nll = float((0.5 * x.square() + 0.5 * math.log(2 * math.pi)).flatten(1).sum(1).mean())
    assert found == {
        "reconstruction": pytest.approx(nll - 1, rel=1e-6),
        "kl": 1.0,
        "elbo": pytest.approx(-nll, rel=1e-6),
        "beta": 0.5,
        "bits_per_dim": pytest.approx(nll / 4000 / math.log(2), rel=1e-6),
        "of": "toy, nats per segment",
    }


def test_a_standard_normal_costs_what_theory_says() -> None:
    # Differential entropy of N(0, 1): 0.5 log2(2 pi e) = 2.047 bits.
    found = likelihood.run(Gaussian(), batches(64), seed=0).numbers["likelihood"]
    assert found["bits_per_dim"] == pytest.approx(2.047, abs=0.01)


def test_nothing_is_trained_and_the_model_is_told_so() -> None:
    model = Gaussian().train()
    likelihood.run(model, batches(4, 4), seed=3)
    assert not model.training
    assert [s.training for s in model.schedules] == [False, False]
    assert model.m.grad is None


def test_utterance_models_have_no_bits_and_batches_weigh_by_their_frames() -> None:
    class Utterances(Gaussian):
        inputs = ("utterances",)

        def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
            return {"loss": batch.x.mean(), "elbo": batch.x.mean()}

    one, two = torch.zeros(1, 10, 257), torch.ones(1, 30, 257)
    test = [Batch(x, torch.tensor([x.shape[1]])) for x in (one, two)]
    found = likelihood.run(Utterances(), test, seed=0).numbers["likelihood"]
    assert found == {"elbo": 0.75, "beta": 0.5, "of": "toy, nats per segment"}


def test_needs_and_no_data() -> None:
    assert likelihood.needs(Gaussian()) is None
    assert "no parameters" in str(likelihood.needs(nn.Identity()))
    with pytest.raises(InputError, match="no test data"):
        likelihood.run(Gaussian(), [], seed=0)
