"""What models, the loop, experiments and stages agree on. No implementation lives here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

__all__ = ["Batch", "Batches", "Data", "Inputs", "Schedule", "Trainable"]

Inputs = Literal["utterances", "segments", "vowels", "waves"]


@dataclass(frozen=True)
class Batch:
    """A batch of one kind of input.

    x: utterances [B, T, 257] power spectrogram; segments [B, 20, 200] log spectrogram;
       vowels [B, 288, 288] log spectrogram; waves [B, samples], 16 kHz.
    lengths: [B] int64, real frames (or samples) of each item; what lies behind is padding.
    factors: name -> [B] int64 class index into `Data.factors[name]`; -1 where unknown.
    utterances: the utterance each item comes from.
    streams: name -> [B, ...], what goes along with x and was computed before: codes, F0, a speaker's vector.
    """

    x: Tensor
    lengths: Tensor
    factors: Mapping[str, Tensor] = field(default_factory=dict)
    utterances: tuple[str, ...] = ()
    streams: Mapping[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        factors = {name: values.to(device) for name, values in self.factors.items()}
        streams = {name: values.to(device) for name, values in self.streams.items()}
        return Batch(self.x.to(device), self.lengths.to(device), factors, self.utterances, streams)


class Batches(Protocol):
    """Batches of one epoch: the same epoch number always gives the same batches in the same order."""

    def __call__(self, epoch: int) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Data:
    """What a model is told about its data when it is built.

    factors: name -> class names, in index order, e.g. {"phone": ("aa", ...), "speaker": (...)}.
    shape: shape of one item of x, without batch and time where time varies ((257,) or (20, 200)).
    parts: of a model that builds on networks trained before it: part -> that part's description, JSON
      values from which it is built again; its weights are in the model's own checkpoint.
    """

    factors: Mapping[str, tuple[str, ...]]
    shape: tuple[int, ...]
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Schedule:
    """Where training stands when a loss is asked for.

    epoch from 0, epochs in all, step from 0 over the whole training; `generator` is the only
    source of random numbers a loss may use; `training` is False on validation and test data. true_past: an
    autoregressive model is fed the truth, whatever its training does, so that likelihoods can be compared.
    """

    epoch: int
    epochs: int
    step: int
    generator: torch.Generator
    training: bool
    true_past: bool = False


@runtime_checkable
class Trainable(Protocol):
    """The four hooks of the training loop; an nn.Module that has them can be trained."""

    def players(self) -> Mapping[str, list[torch.nn.Parameter]]:
        """Player name -> its parameters; one optimiser each, stepped in this order."""
        ...

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Data-dependent start from the training batches, before the first step."""
        ...

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Scalar terms by name; "loss" is what the player minimises, the others are recorded."""
        ...

    def after_step(self) -> None:
        """Called after each optimiser step (moving averages, constraints)."""
        ...
