"""How likely each code is after the one before it: counted on training streams, as integers that code files.

A model of order 1 is a table of frequencies f(b | a) that sum to 2^16 in every context a. It is made of counts by
Witten and Bell's rule (The zero-frequency problem, IEEE Trans. Information Theory 1991, method C), in integers
alone, so that it is the same on every machine:

    p(b | a) = (c(a, b) + T(a) p(b)) / (c(a) + T(a)),        p(b) = (c(b) + 1) / (N + K)

T(a) is the number of different codes seen after a. A content stream is coded unit by unit, duplicates kept, or as
runs of one unit with their durations, duplicates removed; both say the same.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import constriction
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speech_factorization.errors import InputError

__all__ = ["LONGEST", "Counts", "Table", "Tables", "join", "runs"]

BITS = 16
LONGEST = 32
"""Units; a run that lasts longer is several."""

# Below this the products of the smoothing stay within 63 bits.
_MOST = 1 << 23

Integers = NDArray[np.int64]


def runs(content: Integers) -> tuple[Integers, Integers]:
    """Units [n] and durations [n], 1 to `LONGEST`, of a stream [T]."""
    begins = np.flatnonzero(np.diff(content, prepend=-1))
    lengths = np.diff(begins, append=len(content))
    pieces = -(-lengths // LONGEST)
    durations = np.full(int(pieces.sum()), LONGEST, np.int64)
    durations[np.cumsum(pieces) - 1] = lengths - (pieces - 1) * LONGEST
    return np.repeat(content[begins], pieces), durations


def join(units: Integers, durations: Integers) -> Integers:
    """The stream [T] that runs [n] are of."""
    return np.repeat(units, durations)


class Counts(nn.Module):
    """What follows what in training streams, as buffers of the model whose codes they are.

    content [codes + 1, codes]: unit after unit, of every frame; the last row is what streams begin with.
    durations [codes, 32]: of runs, in units. pitch [pitch_codes + 1, pitch_codes]: as content.
    hop, pitch_hop: samples from one code to the next. made_by [8]: digest of the networks that make the codes.
    """

    made_by: Tensor
    content: Tensor
    durations: Tensor
    pitch: Tensor

    def __init__(self, codes: int, hop: int, pitch_codes: int, pitch_hop: int) -> None:
        super().__init__()
        self.hop, self.pitch_hop = hop, pitch_hop
        self.register_buffer("made_by", torch.zeros(8, dtype=torch.uint8))
        self.register_buffer("content", torch.zeros(codes + 1, codes, dtype=torch.int64))
        self.register_buffer("durations", torch.zeros(codes, LONGEST, dtype=torch.int64))
        self.register_buffer("pitch", torch.zeros(pitch_codes + 1, pitch_codes, dtype=torch.int64))

    def belong_to(self, *makers: nn.Module) -> None:
        """Whose codes these are: the weights of the networks that make them, in order."""
        digest = hashlib.sha256()
        for maker in makers:
            for name, weight in sorted(maker.state_dict().items()):
                digest.update(f"{name} {weight.dtype} {list(weight.shape)}".encode())
                digest.update(
                    weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
                )
        self.made_by.copy_(torch.frombuffer(bytearray(digest.digest()[:8]), dtype=torch.uint8))

    def add(self, content: Tensor, pitch: Tensor) -> None:
        """Count the streams [Tu] and [Tp] of one whole utterance."""
        _count(self.content, content)
        _count(self.pitch, pitch)
        units, durations = (torch.from_numpy(part) for part in runs(content.cpu().numpy()))
        places = (units * LONGEST + durations - 1).to(self.durations.device)
        self.durations += torch.bincount(places, minlength=self.durations.numel()).view_as(self.durations)

    def tables(self) -> "Tables":
        """The tables files are coded with."""
        content, durations, pitch = (
            part.cpu().numpy() for part in (self.content, self.durations, self.pitch)
        )
        # Runs follow each other as frames do, but themselves only where one was cut for its length.
        following = content.copy()
        np.fill_diagonal(following, durations[:, -1])
        content_table, run_table, duration_table, pitch_table = (
            Table.of(part) for part in (content, following, durations, pitch)
        )
        made_by = bytes(self.made_by.tolist())
        return Tables(
            content_table, run_table, duration_table, pitch_table, self.hop, self.pitch_hop, made_by
        )


def _count(counts: Tensor, stream: Tensor) -> None:
    start = torch.tensor([len(counts) - 1], device=stream.device)
    pairs = torch.cat([start, stream[:-1]]) * counts.shape[1] + stream
    counts += torch.bincount(pairs, minlength=counts.numel()).view_as(counts).to(counts.device)


@dataclass(frozen=True, eq=False)
class Table:
    """frequencies: [contexts, symbols] int64 of at least 1, each row's sum 2^16."""

    frequencies: Integers

    @classmethod
    def of(cls, counts: Integers) -> "Table":
        """Smoothed counts [contexts, symbols]. Errors: so many symbols that some could get no frequency."""
        symbols = counts.shape[1]
        if symbols > 1 << (BITS - 1):
            raise InputError(f"an alphabet of {symbols} codes", remedy=f"use at most {1 << (BITS - 1)}")
        while counts.sum() + symbols >= _MOST:
            counts = (counts + 1) // 2
        unigram = counts.sum(0) + 1
        seen = np.maximum((counts > 0).sum(1, keepdims=True), 1)
        weights = counts * unigram.sum() + seen * unigram
        total = weights.sum(1, keepdims=True)
        frequencies = 1 + weights * ((1 << BITS) - symbols) // total
        likeliest = frequencies.argmax(1)
        frequencies[np.arange(len(counts)), likeliest] += (1 << BITS) - frequencies.sum(1)
        return cls(frequencies)

    @property
    def symbols(self) -> int:
        return int(self.frequencies.shape[1])

    @property
    def start(self) -> int:
        """The context in which a stream begins."""
        return len(self.frequencies) - 1

    @cached_property
    def least(self) -> float:
        """Bits that the cheapest of all codes takes."""
        return float(BITS - np.log2(self.frequencies.max()))

    def contexts(self, stream: Integers) -> Integers:
        """The context of each code of a stream [T]: the code before it."""
        return np.concatenate([[self.start], stream[:-1]])[: len(stream)]

    def bits(self, stream: Integers, contexts: Integers) -> float:
        """Ideal code length of a stream [T] in its contexts [T]."""
        return float(np.sum(BITS - np.log2(self.frequencies[contexts, stream])))

    @cached_property
    def _models(self) -> dict[int, Any]:
        return {}

    def model(self, context: int) -> Any:
        """constriction's model of what comes in a context; multiples of 2^-16 are exact in single precision."""
        if context not in self._models:
            p = (self.frequencies[context] / (1 << BITS)).astype(np.float32)
            self._models[context] = constriction.stream.model.Categorical(p, perfect=False)
        return self._models[context]


@dataclass(frozen=True, eq=False)
class Tables:
    """What is needed to code the streams of one model: of units, of runs and their durations, of pitch."""

    content: Table
    runs: Table
    durations: Table
    pitch: Table
    hop: int
    pitch_hop: int
    made_by: bytes = b""

    @cached_property
    def fingerprint(self) -> bytes:
        """4 bytes: other units, another pitch coder or speaker network, other training streams have another."""
        digest = hashlib.sha256(np.array([self.hop, self.pitch_hop], "<i8").tobytes() + self.made_by)
        for table in (self.content, self.runs, self.durations, self.pitch):
            digest.update(np.array(table.frequencies.shape, "<i8").tobytes())
            digest.update(table.frequencies.astype("<i8").tobytes())
        return digest.digest()[:4]

    def encode(self, content: Integers, pitch: Integers, duplicates: bool) -> bytes:
        """Both streams, range-coded (Martin, 1979); each code must be of its alphabet."""
        encoder = constriction.stream.queue.RangeEncoder()
        if duplicates:
            _put(encoder, self.content, content)
        else:
            units, durations = runs(content)
            before = self.runs.start
            for unit, duration in zip(units.tolist(), durations.tolist(), strict=True):
                encoder.encode(unit, self.runs.model(before))
                encoder.encode(duration - 1, self.durations.model(unit))
                before = unit
        _put(encoder, self.pitch, pitch)
        return bytes(encoder.get_compressed().astype("<u4").tobytes())

    def decode(self, data: bytes, units: int, pitches: int, duplicates: bool) -> tuple[Integers, Integers]:
        """So many codes of each stream, [units] and [pitches]. Errors: ValueError where that is not in `data`."""
        if len(data) % 4 or self._least(units, pitches, duplicates) > 8 * len(data) + 64:
            raise ValueError("so few bytes do not hold so many codes")
        words = np.frombuffer(data, "<u4").astype(np.uint32)
        decoder = constriction.stream.queue.RangeDecoder(words)
        try:
            content = _get(decoder, self.content, units) if duplicates else self._get_runs(decoder, units)
            pitch = _get(decoder, self.pitch, pitches)
        except AssertionError as error:
            raise ValueError(str(error)) from None
        if not decoder.maybe_exhausted():
            raise ValueError("codes are left over")
        return content, pitch

    def _least(self, units: int, pitches: int, duplicates: bool) -> float:
        if duplicates:
            content = units * self.content.least
        else:
            content = units / LONGEST * (self.runs.least + self.durations.least)
        return content + pitches * self.pitch.least

    def _get_runs(self, decoder: Any, count: int) -> Integers:
        units: list[int] = []
        durations: list[int] = []
        before, left = self.runs.start, count
        while left > 0:
            before = decoder.decode(self.runs.model(before))
            units.append(before)
            durations.append(decoder.decode(self.durations.model(before)) + 1)
            left -= durations[-1]
        if left < 0:
            raise ValueError("the runs last too long")
        return join(np.array(units, np.int64), np.array(durations, np.int64))


def _put(encoder: Any, table: Table, stream: Integers) -> None:
    for code, context in zip(stream.tolist(), table.contexts(stream).tolist(), strict=True):
        encoder.encode(code, table.model(context))


def _get(decoder: Any, table: Table, count: int) -> Integers:
    found: list[int] = []
    before = table.start
    for _ in range(count):
        before = decoder.decode(table.model(before))
        found.append(before)
    return np.array(found, np.int64)
