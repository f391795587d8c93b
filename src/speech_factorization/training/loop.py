"""The training loop, written once: it knows four hooks and no model.

Every player takes a step on every batch, in order; the mean validation loss of the last player decides
which weights are kept. What a training does depends on the model, the batches, the settings, the seed
and the number of processes alone: not on when it was killed and resumed.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Batches, Schedule, Trainable
from speech_factorization.training import optimisers, processes
from speech_factorization.training.checkpoints import restore
from speech_factorization.training.errors import TrainingError
from speech_factorization.training.history import History, Means
from speech_factorization.training.progress import Progress
from speech_factorization.training.resume import StateFile
from speech_factorization.training.seeds import derive, generator
from speech_factorization.training.settings import TrainSettings
from speech_factorization.training.tensors import copies, tied, untied

__all__ = ["fit"]

log = logging.getLogger(__name__)


def fit(
    model: nn.Module,
    train: Batches,
    valid: Batches,
    settings: TrainSettings,
    fabric: Fabric,
    scratch: Path,
    *,
    seed: int = 0,
    progress: bool = True,
    save_every: float = 30.0,
    finish: Callable[[History], None] | None = None,
) -> History:
    """Train `model` (an nn.Module with the hooks of interfaces.Trainable); it ends with its best weights.

    train, valid: batches by epoch; validation is always on valid(0), with the same random numbers. A
      `len` of `train`, if it has one, is its batches of an epoch; else they are counted once.
    scratch: folder of this very training (resume.state_folder), in which its state is written every
      `save_every` seconds and from which it is resumed; removed at the end.
    finish: called in the first process when the model has its best weights, before the state is removed, so
      that a kill never leaves neither.
    seed: of all random numbers here; those of the initial weights were drawn when the model was built.
    A model without players is only initialised. Errors: TrainingError for a loss that is no number or
    for no batches; its message names epoch, step and term.
    """
    if not isinstance(model, Trainable):
        raise TypeError(f"{type(model).__name__} lacks one of players, initialise, loss, after_step")
    training = _Training(model, model, train, valid, settings, fabric, seed)
    file = StateFile(scratch, save_every)
    first = fabric.is_global_zero
    if not model.players():
        training.initialise()
        if finish and first:
            finish(training.history)
        return training.history
    steps = training.steps_per_epoch
    if not training.resume(file):
        training.initialise()
    with Progress(settings.epochs, steps, training.step, progress and first) as bar:
        while not training.finished:
            training.run_epoch(file, bar)
    training.keep_best()
    fabric.barrier()
    if first:
        if finish:
            finish(training.history)
        file.delete()
    return training.history


class _Epoch(Iterable[Batch]):
    """The batches of one epoch on the device of the model; can be gone through again."""

    def __init__(self, batches: Batches, epoch: int, device: torch.device) -> None:
        self._batches, self._epoch, self._device = batches, epoch, device

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches(self._epoch):
            yield batch.to(self._device)


class _Training:
    """Where a training stands, and how it goes on.

    epoch (from 0) is being trained, `position` of its batches and `step` batches in all are done;
    `means` are this epoch's, `best` the kept weights.
    """

    def __init__(
        self, model: nn.Module, hooks: Trainable, train: Batches, valid: Batches,
        settings: TrainSettings, fabric: Fabric, seed: int,
    ) -> None:  # fmt: skip
        self.model, self.hooks = model.to(fabric.device), hooks
        self.train, self.valid = train, valid
        self.settings, self.fabric, self.seed = settings, fabric, seed
        self.history = History()
        self.epoch = self.position = self.step = 0
        self.best: dict[str, Tensor] = {}
        self._start()

    def _start(self) -> None:
        """What follows from the model as it is now: its players' optimisers; and the random numbers."""
        self.players = {name: list(parameters) for name, parameters in self.hooks.players().items()}
        self.optimisers = {name: optimisers.adam(p, self.settings) for name, p in self.players.items()}
        self.means = self._means("training")
        rank = self.fabric.global_rank
        self.generator = generator(self.seed, "loss", rank, device=self.fabric.device)
        torch.manual_seed(derive(self.seed, "dropout", rank))

    @cached_property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        steps = len(self.train) if isinstance(self.train, Sized) else sum(1 for _ in self.train(0))
        if not steps:
            raise TrainingError("no training batches", "training", "check the splits and the batch size")
        return steps

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the last validations brought nothing for `patience` epochs.

        A model whose loss changes in the course of training says by `settled_after` from which epoch to count.
        """
        validated = self.epoch > 0 and "valid_loss" in self.history.rows[-1]
        since = max(self.history.best_epoch, getattr(self.hooks, "settled_after", 0))
        tired = validated and self.epoch - since >= self.settings.patience
        return tired or self.epoch == self.settings.epochs

    def initialise(self) -> None:
        """The model's start from its data, the same in every process."""
        torch.manual_seed(derive(self.seed, "initialise"))
        with torch.no_grad():
            self.hooks.initialise(_Epoch(self.train, 0, self.fabric.device))
        processes.start_alike(self.fabric, self.model)
        self._start()

    def run_epoch(self, file: StateFile, bar: Progress) -> None:
        """Train what is left of the epoch, validate, and write the state when it is time."""
        self.model.train()
        for batch in islice(self.train(self.epoch), self.position, None):
            read = self._step(batch)
            bar.step(self.epoch + 1, self.means.last)
            if read and processes.first_decides(self.fabric, file.due()):
                self._save(file)
        row: dict[str, int | float] = {"epoch": self.epoch + 1}
        row |= {f"train_{name}": mean for name, mean in self.means.means().items()}
        self.history.rows.append(row)
        self.epoch, self.position = self.epoch + 1, 0
        self.means = self._means("training")
        if self.epoch % self.settings.valid_every == 0 or self.epoch == self.settings.epochs:
            row |= {f"valid_{name}": mean for name, mean in self._validate().items()}
            if not self.best or row["valid_loss"] < self.history.best["valid_loss"]:
                self.best, self.history.best_epoch = copies(self.model), self.epoch
        bar.epoch(self.history)
        if processes.first_decides(self.fabric, file.due(epoch_end=True)):
            self._save(file)

    def keep_best(self) -> None:
        """Give the model its best weights."""
        restore(self.model, untied(self.best, tied(self.model)))
        self.model.eval()

    def _means(self, where: str) -> Means:
        """Empty means; a GPU is not stopped at each step to read its loss."""
        hold = 1 if self.fabric.device.type == "cpu" else 16
        return Means(f"epoch {self.epoch + 1}, {where}", hold)

    def _loss(self, batch: Batch, player: str, schedule: Schedule) -> tuple[Tensor, list[str], Tensor]:
        """What the player minimises, the names of its terms in the curves, and their values."""
        with self.fabric.autocast():
            terms = self.hooks.loss(batch, player, schedule)
        prefix = "" if player == list(self.players)[-1] else f"{player}_"
        values = torch.stack([v.detach().to(self.fabric.device, torch.float32) for v in terms.values()])
        return terms["loss"], [prefix + name for name in terms], values

    def _step(self, batch: Batch) -> bool:
        """One step of every player on one batch; whether all losses so far are read."""
        batch, weight = processes.share(batch, self.fabric.global_rank, self.fabric.world_size)
        batch = batch.to(self.fabric.device)
        schedule = Schedule(self.epoch, self.settings.epochs, self.step, self.generator, training=True)
        rate = optimisers.learning_rate(self.settings, self.step, self.settings.epochs * self.steps_per_epoch)
        read = True
        for player, optimiser in self.optimisers.items():
            parameters = self.players[player]
            optimiser.zero_grad(set_to_none=True)
            with optimisers.only(parameters, self.model):
                loss, names, terms = self._loss(batch, player, schedule)
                self.fabric.backward(loss)
            terms, items = processes.average_gradients(self.fabric, parameters, terms, weight)
            if self.settings.clip:
                nn.utils.clip_grad_norm_(parameters, self.settings.clip)
            optimiser.param_groups[0]["lr"] = rate
            optimiser.step()
            with torch.no_grad():
                self.hooks.after_step()
                processes.average_buffers(self.fabric, self.model)
            read = self.means.add(self.position, names, terms, items)
        self.step, self.position = self.step + 1, self.position + 1
        return read

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Mean terms on the validation data."""
        self.model.eval()
        rank, world = self.fabric.global_rank, self.fabric.world_size
        random = generator(self.seed, "valid", rank, device=self.fabric.device)
        schedule = Schedule(self.epoch - 1, self.settings.epochs, self.step, random, training=False)
        means = Means(f"epoch {self.epoch}, validation", hold=self.means.hold)
        for index, whole in enumerate(self.valid(0)):
            batch, weight = processes.share(whole, rank, world)
            batch = batch.to(self.fabric.device)
            for player in self.players:
                _, names, terms = self._loss(batch, player, schedule)
                means.add(index, names, terms, weight)
        means.flush()
        if not means.totals:
            raise TrainingError("no validation batches", "validation", "check the splits and the batch size")
        means.totals = processes.sum_totals(self.fabric, means.totals)
        return means.means()

    def _random_states(self) -> dict[str, Tensor]:
        """The states of the generators in use: the losses', and torch's own, from which dropout draws."""
        states = {"loss": self.generator.get_state(), "cpu": torch.get_rng_state()}
        if self.fabric.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.fabric.device)
        return states

    def _save(self, file: StateFile) -> None:
        """Write all that the rest of the training depends on; the first process does it for all."""
        self.means.flush()
        states = self._random_states()
        tensors = {f"random/{name}": processes.gather(self.fabric, s) for name, s in states.items()}
        if not self.fabric.is_global_zero:
            return
        tensors |= {f"model/{name}": tensor for name, tensor in copies(self.model).items()}
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        for player, optimiser in self.optimisers.items():
            moments = optimisers.state(optimiser)
            tensors |= {f"adam/{player}/{name}": tensor for name, tensor in moments.items()}
        numbers = {
            "epoch": self.epoch, "position": self.position, "step": self.step, "totals": self.means.totals,
            "rows": self.history.rows, "best_epoch": self.history.best_epoch,
        }  # fmt: skip
        file.write(tensors, numbers)

    def resume(self, file: StateFile) -> bool:
        """Go on from a saved state, if all processes have the same one and it fits; whether it did."""
        saved = file.read()
        if not processes.same_everywhere(self.fabric, saved[1]["step"] if saved else -1):
            log.warning("%s: the processes do not see the same state; training starts afresh", file.path)
            return False
        if saved is None:
            return False
        try:
            self._take(*saved)
        except (InputError, KeyError, IndexError, ValueError, RuntimeError) as error:
            log.warning("%s: the saved state does not fit (%s); training starts afresh", file.path, error)
            self._start()
            return False
        return True

    def _take(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Put a saved state in place; nothing that may not fit comes after the model is changed."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}

        states, rank = part("random/"), self.fabric.global_rank
        if len(states["loss"]) != self.fabric.world_size:
            raise ValueError(f"it was saved by {len(states['loss'])} processes")
        # Copies: given a view into a larger tensor, torch 2.11 reads beyond it and crashes.
        random = {name: state[rank].clone() for name, state in states.items()}
        for player, optimiser in self.optimisers.items():
            optimisers.load_state(optimiser, part(f"adam/{player}/"))
        self.generator.set_state(random["loss"])
        restore(self.model, untied(part("model/"), tied(self.model)))
        torch.set_rng_state(random["cpu"])
        if self.fabric.device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"], self.fabric.device)
        self.best = {name: tensor.to(self.fabric.device) for name, tensor in part("best/").items()}
        self.history = History(numbers["rows"], numbers["best_epoch"])
        self.epoch, self.position, self.step = numbers["epoch"], numbers["position"], numbers["step"]
        self.means = self._means("training")
        self.means.totals = {name: (total, items) for name, (total, items) in numbers["totals"].items()}
