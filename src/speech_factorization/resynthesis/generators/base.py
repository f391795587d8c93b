"""What every generator is given: content units, pitch codes, F0 in Hz and a speaker's vector."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.source import FRAME, Source, phases, steady_noise

__all__ = ["BLOCK", "SPEAKER", "BaseGenerator", "Given", "Streams", "Tables", "exactly", "joined"]

BLOCK = 1280
"""Samples of a pitch code: a generator makes whole numbers of them."""

SPEAKER = 256


@dataclass(frozen=True)
class Streams:
    """How many different units there are, one every `hop` samples, and how many pitch codes."""

    codes: int
    hop: int
    pitch_codes: int


@dataclass(frozen=True)
class Given:
    """Streams of N utterances of `samples` samples, each stream whole.

    content: [N, samples / hop] int64; pitch: [N, samples / 1280] int64; f0: Hz [N, samples / 80], 0 = unvoiced;
    speaker: [N, 256], of unit length; source: what a source-filter generator is driven by.
    """

    content: Tensor
    pitch: Tensor
    f0: Tensor
    speaker: Tensor
    source: Source


class BaseGenerator(nn.Module, ABC):
    """Codes -> wave. absolute_pitch: it hears F0 in Hz, not its codes alone.

    context: samples on either side that a sample depends on; beyond them nothing changes it.
    """

    absolute_pitch: ClassVar[bool]
    context: int

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self.streams = streams

    def forward(
        self, content: Tensor, pitch: Tensor, f0: Tensor, speaker: Tensor, source: Source | None = None
    ) -> Tensor:
        """Wave [N, samples] at 16 kHz of codes, as in `Given`.

        source: None is the one of a recording that begins here. Errors: InputError for streams of unequal lengths.
        """
        samples = content.shape[1] * self.streams.hop
        if samples % BLOCK or (pitch.shape[1] * BLOCK, f0.shape[1] * FRAME) != (samples, samples):
            lengths = f"{content.shape[1]} units, {pitch.shape[1]} pitch codes and {f0.shape[1]} values of F0"
            remedy = f"give whole blocks of {BLOCK} samples with a unit every {self.streams.hop}"
            raise InputError(f"{lengths} are not of one wave", "generator", remedy)
        if source is None:
            noise = steady_noise(0, samples).to(f0.device).expand(len(f0), -1)
            source = Source(phases(f0), noise)
        return self.make(Given(content, pitch, f0, speaker, source))

    @abstractmethod
    def make(self, given: Given) -> Tensor:
        """Wave [N, samples] of streams that fit each other."""


class Tables(nn.Module):
    """[LUT(content); LUT(pitch); W speaker], [N, 3 width, T] at the rate of the units (Polyak et al., eq. 4)."""

    def __init__(self, streams: Streams, width: int) -> None:
        super().__init__()
        self.units = BLOCK // streams.hop
        self.content = nn.Embedding(streams.codes, width)
        self.pitch = nn.Embedding(streams.pitch_codes, width)
        self.speaker = nn.Linear(SPEAKER, width)

    def forward(self, given: Given) -> Tensor:
        content, pitch = self.content(given.content), self.pitch(given.pitch)
        pitch = pitch.repeat_interleave(self.units, 1)
        speaker = self.speaker(given.speaker)[:, None].expand_as(content)
        return torch.cat([content, pitch, speaker], -1).mT


def joined(x: Tensor, count: int) -> Tensor:
    """[N, T, C] -> [N, T / count, count C]: so many frames become one."""
    return x.reshape(len(x), -1, count * x.shape[-1])


def exactly(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """layer(x) in single precision, whatever came before: eight bits are too few for samples, gains and phases."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float())
