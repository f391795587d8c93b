"""Settings, learning rates, gradients of one player, curves, seeds, devices."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from speech_factorization.errors import InputError
from speech_factorization.training import optimisers
from speech_factorization.training.errors import TrainingError
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History, Means
from speech_factorization.training.seeds import derive, generator, seed_everything
from speech_factorization.training.settings import TrainSettings
from tests.training.toys import Gan, settings


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 0},
        {"epochs": -1},
        {"patience": 0},
        {"learning_rate": 0.0},
        {"learning_rate": "fast"},
        {"learning_rate": float("inf")},
        {"clip": -1.0},
        {"warm_up": -1},
        {"schedule": "linear"},
        {"fall": 0.0},
        {"betas": [0.9]},
        {"betas": [0.9, 1.0]},
        {"weight_decay": -0.1},
        {"valid_every": 0},
        {"epoch": 3},
        {"batch": 2.0},
    ],
)
def test_settings_are_checked(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        settings(**change)


def test_learning_rates() -> None:
    constant = settings(warm_up=0, schedule="constant", learning_rate=0.5)
    assert [optimisers.learning_rate(constant, step, 10) for step in (0, 5, 9)] == [0.5, 0.5, 0.5]
    warm = settings(warm_up=4, schedule="constant", learning_rate=1.0)
    assert [optimisers.learning_rate(warm, step, 10) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    cosine = settings(warm_up=0, schedule="cosine", learning_rate=2.0)
    values = [optimisers.learning_rate(cosine, step, 100) for step in range(101)]
    assert values[0] == 2.0
    assert values[50] == pytest.approx(1.0)
    assert values[100] == pytest.approx(0.0)
    assert values == sorted(values, reverse=True)
    assert optimisers.learning_rate(cosine, 250, 100) == 0.0


def test_an_exponential_rate_falls_after_each_epoch() -> None:
    chosen = settings(warm_up=0, schedule="exponential", learning_rate=1.0, fall=0.5, epochs=4)
    # Three steps an epoch.
    values = [optimisers.learning_rate(chosen, step, 12) for step in range(12)]
    assert values == [1.0] * 3 + [0.5] * 3 + [0.25] * 3 + [0.125] * 3


def test_adam_unless_weights_decay() -> None:
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    plain = optimisers.adam([weight], settings())
    assert type(plain) is torch.optim.Adam
    assert plain.defaults["betas"] == (0.9, 0.999)
    assert plain.defaults["weight_decay"] == 0
    decaying = optimisers.adam([weight], settings(weight_decay=0.1, betas=[0.8, 0.99], learning_rate=0.5))
    assert decaying.defaults["betas"] == (0.8, 0.99)
    # Without a gradient's help the weight loses rate times decay of itself: the decay is no part of the gradient.
    weight.grad = torch.zeros(1)
    decaying.step()
    assert weight.item() == pytest.approx(2.0 * (1 - 0.5 * 0.1))
    restored = optimisers.adam([weight], settings(weight_decay=0.1))
    optimisers.load_state(restored, optimisers.state(decaying))
    assert set(optimisers.state(restored)) == {"0/step", "0/exp_avg", "0/exp_avg_sq"}


def test_only_restores_what_it_found() -> None:
    model = Gan()
    model.critic[0].bias.requires_grad_(False)
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    with optimisers.only(list(model.generator.parameters()), model):
        free = {name for name, p in model.named_parameters() if p.requires_grad}
    assert free == {name for name in flags if name.startswith("generator.")}
    assert {name: p.requires_grad for name, p in model.named_parameters()} == flags


def test_optimiser_state_is_taken_over_exactly() -> None:
    chosen = settings()

    def step(model: torch.nn.Linear, adam: torch.optim.Adam, seed: int) -> None:
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator(seed))
        adam.step()

    first, second = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    one = optimisers.adam(list(first.parameters()), chosen)
    for seed in range(3):
        step(first, one, seed)
    second.load_state_dict(first.state_dict())
    two = optimisers.adam(list(second.parameters()), chosen)
    optimisers.load_state(two, {k: v.clone() for k, v in optimisers.state(one).items()})
    step(first, one, 4)
    step(second, two, 4)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)
    other = optimisers.adam(list(torch.nn.Linear(4, 2).parameters()), chosen)
    with pytest.raises(ValueError, match="0/exp_avg has shape"):
        optimisers.load_state(other, optimisers.state(one))


def test_curves_as_csv(tmp_path: Path) -> None:
    first = {"epoch": 1, "train_kl": 1 / 3, "train_loss": 1e-12, "valid_loss": -2.0, "valid_kl": 3.0}
    history = History([first, {"epoch": 2, "train_loss": 123456789.125, "train_kl": 0.1}], best_epoch=1)
    history.write_csv(tmp_path / "curves.csv")
    assert (tmp_path / "curves.csv").read_bytes() == (
        b"epoch,train_loss,valid_loss,train_kl,valid_kl\n1,1e-12,-2,0.333333333,3\n2,123456789,,0.1,\n"
    )
    assert history.best is first
    assert history.epochs == 2


def test_means_wait_before_they_read() -> None:
    means = Means("epoch 3, training", hold=3)
    assert not means.add(0, ["loss", "kl"], torch.tensor([1.0, 4.0]), 2)
    assert not means.add(1, ["loss"], torch.tensor([float("nan")]), 1)
    assert np.isnan(means.last)
    with pytest.raises(TrainingError, match=r'^epoch 3, training, step 2: the term "loss" is nan; lower'):
        means.add(2, ["loss"], torch.tensor([1.0]), 1)
    means = Means("", hold=3)
    means.add(0, ["loss", "kl"], torch.tensor([1.0, 4.0]), 2)
    means.add(1, ["loss"], torch.tensor([4.0]), 1)
    assert means.means() == {"loss": 2.0, "kl": 4.0}
    assert means.last == 4.0


def test_streams_are_fixed_and_apart() -> None:
    # Stored: a change of the hash would change every result.
    assert derive(0, "loss", 0) == 7402922278918778692
    names: list[tuple[str, ...]] = [(), ("a",), ("b",), ("a", "b"), ("ab",)]
    assert len({derive(seed, *name) for seed in (0, 1) for name in names}) == 10
    first, second = (torch.rand(3, generator=generator(1, "x")) for _ in range(2))
    assert torch.equal(first, second)


def test_everything_is_seeded() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first
    seed_everything(4)
    assert not set(draw()) & set(first)
    assert torch.are_deterministic_algorithms_enabled()


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="^device: cuda: torch finds no CUDA GPU; set device to auto"):
        make_fabric("cuda")
    fabric = make_fabric("auto", threads=1)
    assert (fabric.device.type, fabric.world_size, fabric.global_rank) == ("cpu", 1, 0)
    assert torch.get_num_threads() == 1


def test_settings_state_the_rules_of_strict() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings().batch = 3  # type: ignore[misc]
    assert TrainSettings(batch=1, epochs=1, patience=1, learning_rate=1).learning_rate == 1.0
