"""Small models and data that train in milliseconds, and a script that trains one of them.

python -m tests.training.toys MODEL OUT SCRATCH EPOCHS [LIFE]: trains and writes the folder OUT;
with LIFE, the process (of several: the last) kills itself when it asks for more batches than that.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch
from torch import Tensor, nn

from speech_factorization.interfaces import Batch, Schedule
from speech_factorization.training import checkpoints
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.loop import fit
from speech_factorization.training.seeds import generator, seed_everything
from speech_factorization.training.settings import TrainSettings


class Clusters:
    """Items of four features in three classes, shuffled anew each epoch."""

    def __init__(self, items: int, batch: int, seed: int) -> None:
        random = generator(seed, "clusters")
        self.batch, self.seed = batch, seed
        self.classes = torch.randint(3, (items,), generator=random)
        centres = 4.0 * torch.eye(3, 4)
        self.x = centres[self.classes] + torch.randn(items, 4, generator=random)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        order = torch.randperm(len(self.x), generator=generator(self.seed, "order", epoch))
        for chosen in order.split(self.batch):
            x = self.x[chosen]
            names = tuple(str(int(i)) for i in chosen)
            yield Batch(x, torch.ones(len(x), dtype=torch.int64), {"class": self.classes[chosen]}, names)


class Deadly(Clusters):
    """Kills whoever asks for more batches than `life`."""

    life = -1

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for batch in super().__call__(epoch):
            if self.life == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.life -= 1
            yield batch


class Classifier(nn.Module):
    """An MLP, standardised by its first sight of the data."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))
        self.net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"model": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        self.mean.copy_(torch.cat([batch.x for batch in batches]).mean(0))

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        logits = self.net(batch.x - self.mean)
        accuracy = (logits.argmax(1) == batch.factors["class"]).float().mean()
        return {"loss": nn.functional.cross_entropy(logits, batch.factors["class"]), "accuracy": accuracy}

    def after_step(self) -> None:
        pass


class Gan(nn.Module):
    """Two players, dropout, batch normalisation, noise, and a moving average of one player's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 4)
        )
        self.critic = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(16, 1))
        self.register_buffer("average", self.generator[0].weight.detach().clone())
        self.register_buffer("started", torch.zeros((), dtype=torch.int64))

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"critic": list(self.critic.parameters()), "generator": list(self.generator.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        self.started += 1
        self.generator[-1].bias.copy_(next(iter(batches)).x.mean(0))

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        noise = torch.randn(len(batch.x), 2, generator=schedule.generator, device=batch.x.device)
        fake = self.generator(noise)
        if player == "generator":
            adversarial = (self.critic(fake) - 1).square().mean()
            moments = (fake.mean(0) - batch.x.mean(0)).square().mean()
            return {"loss": adversarial + moments, "moments": moments}
        return {"loss": (self.critic(batch.x) - 1).square().mean() + self.critic(fake).square().mean()}

    def after_step(self) -> None:
        self.average.lerp_(self.generator[0].weight, 0.1)


def settings(**changes: object) -> TrainSettings:
    """Settings that suit the toys."""
    values = {"batch": 16, "epochs": 5, "patience": 5, "learning_rate": 0.01, "clip": 1.0, "warm_up": 5}
    return TrainSettings.model_validate({**values, "schedule": "cosine", **changes})


def main(model: str, out: str, scratch: str, epochs: str, life: str = "-1") -> None:
    """Train one toy and write what came of it; state is written as often as can be."""
    fabric = make_fabric("cpu", threads=1)
    seed_everything(1)
    toy = {"gan": Gan, "classifier": Classifier}[model]()
    train, valid = Deadly(150, 16, seed=2), Clusters(40, 16, seed=3)
    if fabric.global_rank == fabric.world_size - 1:
        train.life = int(life)
    chosen = settings(epochs=int(epochs), patience=int(epochs))
    history = fit(toy, train, valid, chosen, fabric, Path(scratch), seed=4, save_every=0.0)
    rank = f"{fabric.global_rank}" if fabric.world_size > 1 else ""
    checkpoints.save(Path(out + rank), toy, {"best_epoch": history.best_epoch})
    history.write_csv(Path(out + rank) / "curves.csv")


def main_of_several(rank: int, world: int, port: int, *arguments: str) -> None:
    """`main` in one of several processes, told what torchrun tells them."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
    os.environ.update({name: str(number) for name, number in numbers.items()})
    os.environ.update({"TORCHELASTIC_RUN_ID": "toys", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)})
    main(*arguments)


def start(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """A process that runs `target`, forked from one that has torch in memory."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.toys"])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


if __name__ == "__main__":
    main(*sys.argv[1:])
