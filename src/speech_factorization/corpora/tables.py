"""The tables every corpus is kept in: written from a reader's stream, read back by every later stage.

utterances.csv  utterance, speaker, sex, split, speaker_split, samples, rate, text, then a column per further factor
labels.csv      utterance, position, symbol, begin, end (only labelled utterances; times may be empty)
words.csv       utterance, position, word, begin, end
refused.csv     utterance, of, file, place, reason, remedy
audio.ark, .scp int16 waves at 16 kHz; the script file names the archive from its own folder
summary.json    counts, hours, and how much was refused for which reason

All times are samples at 16 kHz. rate: Hz, of the recording before it was brought to 16 kHz.
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
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

__all__ = ["AUDIO", "JOURNAL", "Corpus", "open_table", "read_table", "write_corpus"]

AUDIO = "audio"
"""The archive of waves."""

JOURNAL = "journal"
"""What a draft's waves were read from, while it is one (`sounds.Memory`)."""

_INTEGERS = ("position", "samples", "rate", "begin", "end", "centre", "count")
_UTTERANCE = ("utterance", "speaker", "sex", "split", "speaker_split", "samples", "rate", "text")
_LABEL = ("utterance", "position", "symbol", "begin", "end")
_WORD = ("utterance", "position", "word", "begin", "end")
_REFUSAL = ("utterance", "of", "file", "place", "reason", "remedy")

_TAKEN = {*_UTTERANCE, "position", "segment", "unit", "phone", "begin", "end", "centre"}
"""Columns here and in the tables that later stages make of these: no factor can have such a name."""


def write_corpus(items: Iterable[Utterance | Refusal], folder: Path, of: str = "") -> dict[str, Any]:
    """Write the tables of a corpus as its reader gives them, one utterance in memory; returns the summary.

    `folder` appears (or is replaced) only when all is written. of: a digest of what the corpus is made of; what a
    killed run of the same left in its draft is gone on with (`files.new_folder`), and the bytes end the same.
    Error: nothing usable remains, an utterance comes twice, utterances differ in their factors, or a factor has
    the name of another column.
    """
    tally = Tally()
    with new_folder(folder, of) as draft:
        with _Tables(draft) as tables:
            for item in items:
                tally.add(item)
                tables.add(item)
        tally.check()
        summary = tally.summary()
        write_json(draft / "summary.json", summary)
        (draft / JOURNAL).unlink(missing_ok=True)
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


@contextmanager
def open_table(path: Path) -> Iterator["csv.DictReader[str]"]:
    """The rows of such a table one after the other, all values as text: for tables that may not fit in memory.

    Error: there is no such table.
    """
    if not path.is_file():
        raise InputError("no such table", path, "run the stage that writes it, or dvc repro")
    with path.open(encoding="utf-8", newline="") as file:
        yield csv.DictReader(file)


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

    @property
    def narrow_band(self) -> float:
        """The share of the hours that was recorded under 16 kHz, and has nothing up to 8 kHz."""
        table = self.utterances
        return float(table.loc[table["rate"] < SAMPLE_RATE, "samples"].sum() / table["samples"].sum())

    @cached_property
    def _audio(self) -> Archive:
        return Archive(self.folder / AUDIO)

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
        self.audio = self.files.enter_context(Writer(self.folder / AUDIO, go_on=True))
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
        row = [len(item.wave) if column == "samples" else getattr(item, column) for column in _UTTERANCE]
        self.utterances.writerow([*row, *item.factors.values()])
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
            taken = sorted(_TAKEN & set(item.factors))
            if taken:
                raise InputError(
                    f"no name for a factor: {', '.join(taken)}",
                    item.utterance,
                    "rename it: a column has that name",
                )
            self.factors = list(item.factors)
            self.utterances.writerow([*_UTTERANCE, *self.factors])
        elif self.factors != list(item.factors):
            raise InputError(
                f"the factors are {list(item.factors)}, those of the utterances before it {self.factors}",
                item.utterance,
                "give every utterance the same factors",
            )
