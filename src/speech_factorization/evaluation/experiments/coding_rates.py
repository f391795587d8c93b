"""Bits per second of streams of codes: what they could take, by their alphabet and statistics, and what files do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.evaluation.metrics.units import bits_per_second
from speech_factorization.resynthesis.entropy import Table, Tables, runs

__all__ = ["File", "rates"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class File:
    """An utterance's codes, and what the files of them take in bits.

    content [Tu], pitch [Tp]; sizes: kept | removed -> payload, file, alone; voice: of the block that tells the voice.
    """

    content: Integers
    pitch: Integers
    sizes: Mapping[str, Mapping[str, int]]
    voice: int
    lossless: bool


def rates(files: Sequence[File], tables: Tables, seconds: float, voice: float) -> dict[str, Any]:
    """content, pitch, kept and removed, as the experiment `coding` names them.

    seconds: of all files; voice: bits per second of voices that are sent once.
    """
    contents, pitches = [file.content for file in files], [file.pitch for file in files]
    found: dict[str, Any] = {
        "content": _of_streams(contents, tables.content, seconds),
        "pitch": _of_streams(pitches, tables.pitch, seconds),
    }
    for form in ("kept", "removed"):
        sizes = {
            name: sum(file.sizes[form][name] for file in files) / seconds
            for name in ("payload", "file", "alone")
        }
        found[form] = sizes | {"amortised": sizes["file"] + voice}
    parts = [runs(content) for content in contents]
    found["removed"]["units"] = _cost(tables.runs, [units for units, _ in parts]) / seconds
    bits = sum(tables.durations.bits(durations - 1, units) for units, durations in parts)
    found["removed"]["durations"] = bits / seconds
    return found


def _of_streams(streams: Sequence[Integers], table: Table, seconds: float) -> dict[str, float]:
    codes = table.symbols
    rates = bits_per_second(streams, codes, rate=1.0)
    bits = {
        "nominal": math.log2(codes),
        "ceil": float(math.ceil(math.log2(codes))),
        "unigram": rates["unigram_bits_per_second"],
        "conditional": rates["conditional_bits_per_second"],
    }
    per_second = sum(map(len, streams)) / seconds
    found = {name: per_second * of_code for name, of_code in bits.items()}
    return found | {"tables": _cost(table, streams) / seconds}


def _cost(table: Table, streams: Sequence[Integers]) -> float:
    return sum(table.bits(stream, table.contexts(stream)) for stream in streams)
