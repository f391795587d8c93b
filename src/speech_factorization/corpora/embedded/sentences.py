"""The project's own sentences: two that all speak, eight of each speaker's own, and how they are split."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from speech_factorization.corpora.base import Split
from speech_factorization.errors import InputError

__all__ = ["OWN", "Sentence", "all_sentences", "sentences_of"]

OWN = 8
"""Own sentences of each speaker."""


@dataclass(frozen=True)
class Sentence:
    """One sentence: its name, who speaks it (a voice's id, or "" for all), its split, its text."""

    name: str
    speaker: str
    split: Split
    text: str


@cache
def all_sentences() -> tuple[Sentence, ...]:
    """sentences.csv, in its order: the shared ones, then each speaker's own."""
    text = (resources.files(__package__) / "sentences.csv").read_text(encoding="utf-8")
    splits: dict[str, Split] = {"train": "train", "valid": "valid", "test": "test"}
    return tuple(
        Sentence(row["sentence"], row["speaker"], splits[row["split"]], row["text"])
        for row in csv.DictReader(text.splitlines())
    )


def sentences_of(speaker: str, kinds: Sequence[str]) -> list[Sentence]:
    """What one speaker says, of the kinds asked for: "shared", "own", or "own:N" for N of the own ones.

    N of 1 to 8; the own ones are ordered so that the first three are of train, test and valid.
    Error: another kind, or none.
    """
    remedy = 'use "shared", "own", or "own:1" to "own:8"'
    chosen: dict[str, Sentence] = {}
    for kind in kinds:
        wanted = re.fullmatch(r"shared|own(?::([1-8]))?", kind)
        if wanted is None:
            raise InputError(f"no sentences of kind {kind!r}", "corpus.sentences", remedy)
        speaks = "" if kind == "shared" else speaker
        of_kind = [sentence for sentence in all_sentences() if sentence.speaker == speaks]
        chosen |= {sentence.name: sentence for sentence in of_kind[: int(wanted[1] or OWN)]}
    if not chosen:
        raise InputError("no kind of sentence", "corpus.sentences", remedy)
    return list(chosen.values())
