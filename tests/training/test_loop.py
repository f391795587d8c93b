"""The loop: what it trains, what it keeps, and what it refuses."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Schedule
from speech_factorization.training.errors import TrainingError
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.seeds import seed_everything
from tests.training.toys import Classifier, Clusters, Gan, settings

TRAIN, VALID = Clusters(150, 16, seed=2), Clusters(40, 16, seed=3)


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return make_fabric("cpu", threads=1)


def trained(model: nn.Module, fabric: Fabric, scratch: Path, seed: int = 0, **changes: object) -> History:
    return fit(model, TRAIN, VALID, settings(**changes), fabric, scratch / "run", seed=seed, progress=False)


def test_a_classifier_learns(fabric: Fabric, tmp_path: Path) -> None:
    seed_everything(0)
    model = Classifier()
    history = trained(model, fabric, tmp_path, epochs=20, patience=20)
    assert history.best["valid_accuracy"] > 0.95
    test = Clusters(500, 500, seed=9)
    batch = next(test(0))
    accuracy = (model.net(batch.x - model.mean).argmax(1) == batch.factors["class"]).float().mean()
    assert accuracy > 0.95
    assert not (tmp_path / "run").exists()


def test_one_seed_gives_one_result_and_another_seed_another(fabric: Fabric, tmp_path: Path) -> None:
    weights, curves = [], []
    for seed in (1, 1, 2):
        seed_everything(0)
        model = Gan()
        trained(model, fabric, tmp_path, seed=seed).write_csv(tmp_path / "curves.csv")
        weights.append(torch.cat([p.flatten() for p in model.parameters()]))
        curves.append((tmp_path / "curves.csv").read_bytes())
    assert torch.equal(weights[0], weights[1])
    assert curves[0] == curves[1]
    assert not torch.equal(weights[0], weights[2])
    header = curves[0].split(b"\n")[0].decode()
    assert header == (
        "epoch,train_loss,valid_loss,train_critic_loss,valid_critic_loss,train_moments,valid_moments"
    )


class Recorder(Gan):
    """Notes who was frozen, in which order the hooks came, and what the schedule said."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.schedules: list[Schedule] = []

    def initialise(self, batches: object) -> None:
        self.calls.append("initialise")

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        if schedule.training:
            open_players = {name for name, ps in self.players().items() if all(p.requires_grad for p in ps)}
            shut = all(not p.requires_grad for n, ps in self.players().items() if n != player for p in ps)
            assert open_players == {player}
            assert shut
            assert self.training
            self.schedules.append(schedule)
        else:
            assert not self.training
            assert not torch.is_grad_enabled()
        self.calls.append(player if schedule.training else f"valid {player}")
        return super().loss(batch, player, schedule)

    def after_step(self) -> None:
        self.calls.append("after")


def test_hooks_come_in_order_and_only_the_player_moves(fabric: Fabric, tmp_path: Path) -> None:
    model = Recorder()
    trained(model, fabric, tmp_path, epochs=2)
    step = ["critic", "after", "generator", "after"]
    epoch = step * 10 + ["valid critic", "valid generator"] * 3
    assert model.calls == ["initialise", *epoch, *epoch]
    assert [s.step for s in model.schedules] == [i for i in range(20) for _ in range(2)]
    assert [s.epoch for s in model.schedules] == [0] * 20 + [1] * 20
    assert all(p.requires_grad for p in model.parameters())


def test_a_step_changes_its_player_alone(fabric: Fabric, tmp_path: Path) -> None:
    class GeneratorOnly(Gan):
        def players(self) -> dict[str, list[nn.Parameter]]:
            return {"generator": list(self.generator.parameters())}

    model = GeneratorOnly()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained(model, fabric, tmp_path, epochs=1)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) == name.startswith("critic"), name
        assert name.startswith("generator") or parameter.grad is None


class Scripted(nn.Module):
    """Its weight counts steps; its validation loss follows a script."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.losses = losses

    def players(self) -> dict[str, list[nn.Parameter]]:
        return {"model": [self.weight]}

    def initialise(self, batches: object) -> None:
        pass

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        value = 1.0 if schedule.training else self.losses[schedule.epoch]
        return {"loss": self.weight.sum() * 0 + value}

    def after_step(self) -> None:
        self.steps += 1


@pytest.mark.parametrize(
    ("losses", "changes", "epochs", "best"),
    [
        ([5, 3, 4, 4, 2, 1, 1], {"patience": 2}, 4, 2),
        ([5, 3, 4, 2, 4, 4, 1], {"patience": 2}, 6, 4),
        ([5, 3, 3, 3, 3, 3, 3], {"patience": 3}, 5, 2),
        ([5, 4, 3, 2, 1, 0.5, 0.2], {"patience": 1}, 7, 7),
        ([9, 3, 9, 5, 9, 5, 1], {"patience": 3, "valid_every": 2}, 6, 2),
        ([9, 9, 9, 3, 9, 9, 1], {"patience": 1, "valid_every": 4}, 7, 7),
    ],
)
def test_patience_and_the_best_weights(
    losses: list[float], changes: dict[str, int], epochs: int, best: int, fabric: Fabric, tmp_path: Path
) -> None:
    model = Scripted(losses)
    history = trained(model, fabric, tmp_path, epochs=7, **changes)
    assert (history.epochs, history.best_epoch) == (epochs, best)
    assert model.steps == 10 * best
    assert not model.training
    every = changes.get("valid_every", 1)
    validated = [row["epoch"] for row in history.rows if "valid_loss" in row]
    assert validated == [e for e in range(1, epochs + 1) if e % every == 0 or e == 7]


def test_patience_waits_until_the_loss_is_the_final_one(fabric: Fabric, tmp_path: Path) -> None:
    class Changing(Scripted):
        settled_after = 4

    history = trained(Changing([5, 6, 7, 8, 8, 8, 1]), fabric, tmp_path, epochs=7, patience=2)
    assert (history.epochs, history.best_epoch) == (6, 1)


def test_gradients_are_clipped_and_the_learning_rate_is_the_scheduled_one(
    fabric: Fabric, tmp_path: Path
) -> None:
    class Slope(Scripted):
        def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
            return {"loss": -1000.0 * self.weight.sum()}

        def after_step(self) -> None:
            gradients.append(float(self.weight.grad))
            weights.append(float(self.weight))

    gradients: list[float] = []
    weights = [0.0]
    changes = {"clip": 2.5, "warm_up": 4, "learning_rate": 0.4, "schedule": "constant", "epochs": 1}
    trained(Slope([]), fabric, tmp_path, **changes)
    assert gradients == pytest.approx([-2.5] * 10, rel=1e-4)
    # Under a constant gradient each step of Adam is as long as the learning rate.
    steps = [after - before for before, after in itertools.pairwise(weights)]
    assert steps == pytest.approx([0.1, 0.2, 0.3, *[0.4] * 7], rel=1e-4)


def test_means_are_weighted_by_items(fabric: Fabric, tmp_path: Path) -> None:
    class FirstFeature(Scripted):
        def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
            return {"loss": self.weight.sum() * 0 + batch.x.mean(), "x": batch.x.double().mean()}

    history = trained(FirstFeature([]), fabric, tmp_path, epochs=1)
    assert len(TRAIN.x) % TRAIN.batch != 0
    assert history.rows[0]["train_loss"] == pytest.approx(float(TRAIN.x.mean()), abs=1e-6)
    assert history.rows[0]["valid_x"] == pytest.approx(float(VALID.x.mean()), abs=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("when", "message"),
    [
        (
            lambda s: s.training and s.step == 13,
            r'epoch 2, training, step 4: the term "kl" is (nan|inf); lower learning_rate',
        ),
        (
            lambda s: not s.training and s.epoch == 1,
            r'epoch 2, validation, step 1: the term "kl" is (nan|inf); lower',
        ),
    ],
)
def test_no_number_stops_the_training(
    value: float, when: Callable[[Schedule], bool], message: str, fabric: Fabric, tmp_path: Path
) -> None:
    class Broken(Classifier):
        def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
            terms = super().loss(batch, player, schedule)
            return {**terms, "kl": torch.tensor(value if when(schedule) else 1.0)}

    with pytest.raises(TrainingError, match=message):
        trained(Broken(), fabric, tmp_path, epochs=3)


def test_a_step_that_ruins_the_weights_is_not_trained_on(fabric: Fabric, tmp_path: Path) -> None:
    class Ruined(Classifier):
        def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
            terms = super().loss(batch, player, schedule)
            # sqrt has an infinite slope at 0: the loss is a number, its gradient is none.
            zero = (self.net[0].weight * 0).sum()
            return {"loss": terms["loss"] + zero.sqrt()}

    with pytest.raises(TrainingError, match=r'epoch 1, training, step 2: the term "loss" is nan'):
        trained(Ruined(), fabric, tmp_path)


def test_no_batches_are_an_error(fabric: Fabric, tmp_path: Path) -> None:
    def nothing(epoch: int) -> Iterator[Batch]:
        return iter(())

    with pytest.raises(InputError, match="no training batches"):
        fit(Classifier(), nothing, VALID, settings(), fabric, tmp_path / "run")
    with pytest.raises(InputError, match="no validation batches"):
        fit(Classifier(), TRAIN, nothing, settings(), fabric, tmp_path / "run", progress=False)


def test_a_model_without_players_is_only_initialised(fabric: Fabric, tmp_path: Path) -> None:
    class Mean(Classifier):
        def players(self) -> dict[str, list[nn.Parameter]]:
            return {}

    model = Mean()
    history = trained(model, fabric, tmp_path)
    assert torch.allclose(model.mean, TRAIN.x.mean(0))
    assert (history.epochs, history.best_epoch, history.best) == (0, 0, {})
    history.write_csv(tmp_path / "curves.csv")
    assert (tmp_path / "curves.csv").read_text() == "epoch,train_loss,valid_loss\n"


def test_a_module_without_the_hooks_is_refused(fabric: Fabric, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Linear lacks one of players"):
        trained(nn.Linear(1, 1), fabric, tmp_path)


def test_progress_is_one_line_an_epoch_off_a_terminal(
    fabric: Fabric, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(Classifier(), TRAIN, VALID, settings(epochs=2), fabric, tmp_path / "run")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2: train ")
    trained(Classifier(), fabric, tmp_path)
    assert capsys.readouterr() == ("", "")
