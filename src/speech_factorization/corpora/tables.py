"""The tables every corpus is kept in: written from a reader's stream, read back by every later stage.

utterances.csv  utterance, speaker, sex, split, speaker_split, samples, text, then a column per further factor
labels.csv      utterance, position, symbol, begin, end (only labelled utterances; times may be empty)
words.csv       utterance, position, word, begin, end
refused.csv     utterance, of, file, place, reason, remedy
audio.ark, .scp int16 waves at 16 kHz; the script file names the archive from its own folder
summary.json    counts, hours, and how much was refused for which reason

All times are samples at 16 kHz.
"""

import csv
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE, Refusal, Utterance
from speech_factorization.corpora.summary import Tally
from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive, Writer
from speech_factorization.files import new_folder, read_json, write_json

__all__ = ["Corpus", "read_table", "write_corpus"]

_INTEGERS = ("position", "samples", "begin", "end", "centre", "count")
_UTTERANCE = ("utterance", "speaker", "sex", "split", "speaker_split", "samples", "text")
_LABEL = ("utterance", "position", "symbol", "begin", "end")
_WORD = ("utterance", "position", "word", "begin", "end")
_REFUSAL = ("utterance", "of", "file", "place", "reason", "remedy")


def write_corpus(items: Iterable[Utterance | Refusal], folder: Path) -> dict[str, Any]:
    """Write the tables of a corpus as its reader gives them, one utterance in memory; returns the summary.

    `folder` appears (or is replaced) only when all is written.
    Error: nothing usable remains, an utterance comes twice, or utterances differ in their factors.
    """
    tally = Tally()
    with new_folder(folder) as draft:
        with _Tables(draft) as tables:
            for item in items:
                tally.add(item)
                tables.add(item)
        tally.check()
        summary = tally.summary()
        write_json(draft / "summary.json", summary)
    return summary


def read_table(path: Path) -> pd.DataFrame:
    """A table of this project: names stay text ("03", "NA"), times and counts are Int64, empty ones <NA>.

    Error: there is no such table.
    """
    if not path.is_file():
        raise InputError("no such table", path, "run the stage that writes it, or dvc repro")
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    for column in table.columns.intersection(list(_INTEGERS)):
        table[column] = table[column].replace("", pd.NA).astype("Int64")
    return table


class Corpus:
    """A corpus as `write_corpus` wrote it."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "summary.json").is_file():
            raise InputError("no corpus has been written here", folder, "run the stage `corpus` first")
        self.folder = folder

    @cached_property
    def utterances(self) -> pd.DataFrame:
        """One row per utterance."""
        return read_table(self.folder / "utterances.csv")

    @cached_property
    def labels(self) -> pd.DataFrame:
        """One row per phone label, in order; only utterances that have labels."""
        return read_table(self.folder / "labels.csv")

    @cached_property
    def words(self) -> pd.DataFrame:
        """One row per word, in order; empty where a corpus has none."""
        return read_table(self.folder / "words.csv")

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What `write_corpus` returned."""
        summary: dict[str, Any] = read_json(self.folder / "summary.json")
        return summary

    @cached_property
    def _audio(self) -> Archive:
        return Archive(self.folder / "audio")

    def wave(self, utterance: str) -> NDArray[np.float32]:
        """[samples] float32 in [-1, 1) at 16 kHz; KeyError where there is no such utterance."""
        wave: NDArray[np.float32] = self._audio[utterance].astype(np.float32) / np.float32(32768)
        return wave


class _Tables:
    """The files of a corpus while they are written."""

    def __init__(self, folder: Path) -> None:
        self.files = ExitStack()
        self.folder = folder
        self.factors: list[str] | None = None
        self.seen: set[str] = set()

    def __enter__(self) -> "_Tables":
        self.utterances = csv.writer(self._open("utterances.csv"), lineterminator="\n")
        self.labels = self._table("labels.csv", _LABEL)
        self.words = self._table("words.csv", _WORD)
        self.refusals = self._table("refused.csv", _REFUSAL)
        self.audio = self.files.enter_context(Writer(self.folder / "audio"))
        return self

    def __exit__(self, *error: Any) -> None:
        self.files.__exit__(*error)

    def _open(self, name: str) -> TextIO:
        return self.files.enter_context((self.folder / name).open("w", encoding="utf-8", newline=""))

    def _table(self, name: str, columns: tuple[str, ...]) -> Any:
        table = csv.writer(self._open(name), lineterminator="\n")
        table.writerow(columns)
        return table

    def add(self, item: Utterance | Refusal) -> None:
        """Write one item to every table it belongs to."""
        if isinstance(item, Refusal):
            self.refusals.writerow([getattr(item, column) for column in _REFUSAL])
            return
        self._check(item)
        row = [getattr(item, column) for column in _UTTERANCE if column not in ("samples", "text")]
        self.utterances.writerow([*row, len(item.wave), item.text, *item.factors.values()])
        for position, label in enumerate(item.labels):
            self.labels.writerow([item.utterance, position, label.symbol, label.begin, label.end])
        for position, word in enumerate(item.words):
            self.words.writerow([item.utterance, position, word.word, word.begin, word.end])
        self.audio.add_wave(item.utterance, item.wave, SAMPLE_RATE)

    def _check(self, item: Utterance) -> None:
        if item.utterance in self.seen:
            raise InputError("two utterances have this name", item.utterance, "rename one of their files")
        self.seen.add(item.utterance)
        if self.factors is None:
            self.factors = list(item.factors)
            self.utterances.writerow([*_UTTERANCE, *self.factors])
        elif self.factors != list(item.factors):
            raise InputError(
                f"the factors are {list(item.factors)}, those of the utterances before it {self.factors}",
                item.utterance,
                "give every utterance the same factors",
            )
