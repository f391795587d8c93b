"""The prepared data as models, judges and experiments take it."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from speech_factorization.corpora.tables import read_table
from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive
from speech_factorization.features.batches import ChunkBatches, SegmentBatches, VowelBatches
from speech_factorization.features.segments import BINS, FRAMES
from speech_factorization.features.stft import FFT
from speech_factorization.features.vowels import SIZE
from speech_factorization.interfaces import Batches, Data, Inputs
from speech_factorization.parameters import Parameters
from stages import PREPARED

__all__ = ["Missing", "Segments", "Utterances", "Vowels", "training_batches"]


# Columns of segments.csv that are no factors.
_OWN = ("segment", "utterance", "position", "split", "speaker_split", "begin", "end", "centre")


class Missing(Exception):
    """The corpus lacks what was asked for; the message says what. Whoever needs it is skipped and says so."""


class Segments:
    """Segment spectrograms with their table; splits are within each speaker."""

    def __init__(self, factors: Sequence[str], prepared: Path = PREPARED) -> None:
        self.table = read_table(prepared / "segments" / "segments.csv")
        if self.table.empty:
            raise Missing("the corpus has no labelled utterances, so there are no segments")
        lacking = sorted(set(factors) - set(self.table))
        if lacking:
            there = ", ".join(sorted(set(self.table) - set(_OWN)))
            raise InputError(f"no factor {', '.join(lacking)}", "corpus.factors", f"this corpus has {there}")
        _need_all_parts(self.table, "split", "labelled utterances")
        self.archive = _archive_of(self.table, prepared / "spectrograms" / "segments" / "segments")
        self.factors = _classes(self.table, factors)

    @property
    def data(self) -> Data:
        """What a segment model is told."""
        return Data(self.factors, (FRAMES, BINS))

    def rows(self, split: str) -> pd.DataFrame:
        """The table's rows of one split."""
        return self.table[self.table["split"] == split].reset_index(drop=True)

    def batches(self, split: str, batch: int, seed: int = 0, shuffle: bool = False) -> SegmentBatches:
        """Batches of one split."""
        return SegmentBatches(self.archive, self.rows(split), self.factors, batch, seed=seed, shuffle=shuffle)


class Vowels:
    """Vowel spectrograms with their table; factors are phone, sex and speaker."""

    def __init__(self, prepared: Path = PREPARED) -> None:
        folder = prepared / "spectrograms" / "vowels"
        self.table = read_table(folder / "vowels.csv")
        if self.table.empty:
            raise Missing("the corpus has no labelled vowels of those under corpus.vowels")
        _need_all_parts(self.table, "split", "vowels of those under corpus.vowels")
        self.archive = _archive_of(self.table, folder / "vowels")
        self.factors = _classes(self.table, ("phone", "sex", "speaker"))

    @property
    def data(self) -> Data:
        """What a model of vowel images is told."""
        return Data(self.factors, (SIZE, SIZE))

    def batches(self, split: str, batch: int, seed: int = 0, shuffle: bool = False) -> VowelBatches:
        """Batches of one split."""
        rows = self.table[self.table["split"] == split].reset_index(drop=True)
        return VowelBatches(self.archive, rows, self.factors, batch, seed=seed, shuffle=shuffle)


class Utterances:
    """Trimmed waves of whole utterances with their table; splits are between speakers."""

    def __init__(self, prepared: Path = PREPARED) -> None:
        folder = prepared / "spectrograms" / "utterances"
        table = read_table(folder / "utterances.csv")
        self.archive = Archive(folder / "utterances")
        self.table = table[table["utterance"].isin(list(self.archive))]
        _need_all_parts(self.table, "speaker_split", "utterances long enough")

    @property
    def data(self) -> Data:
        """What an utterance model is told."""
        return Data({}, (FFT // 2 + 1,))

    def names(self, split: str) -> list[str]:
        """Utterances of one split of speakers."""
        return self.table.loc[self.table["speaker_split"] == split, "utterance"].tolist()

    def chunks(
        self, split: str, frames: int, batch: int, seed: int = 0, shuffle: bool = False
    ) -> ChunkBatches:
        """Training chunks of one split of speakers; what is too short or silent is said, on standard error."""
        names = self.names(split)
        found = ChunkBatches(self.archive, names, frames, batch, seed=seed, shuffle=shuffle)
        if found.skipped or found.silent:
            left_out = (
                f"{found.skipped} of {len(names)} utterances are shorter, {found.silent} chunks are silent"
            )
            print(f"{split}: {found.items} chunks of {frames} frames; {left_out}", file=sys.stderr)
        return found


def _need_all_parts(table: pd.DataFrame, split: str, of: str) -> None:
    """Error: Missing where train, valid or test is empty."""
    empty = [part for part in ("train", "valid", "test") if part not in set(table[split])]
    if empty:
        raise Missing(f"the corpus has no {of} for {' and '.join(empty)} ({split})")


def _classes(table: pd.DataFrame, factors: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Those of the training split: a model never learns of others. An empty cell is no class but unknown."""
    train = table[table["split"] == "train"]
    return {name: tuple(sorted({*train[name].astype(str)} - {""})) for name in factors}


def _archive_of(segments: pd.DataFrame, prefix: Path) -> Archive:
    """The archive of these segments. Errors: it is missing, or of other segments."""
    archive = Archive(prefix)
    if not segments["segment"].isin(list(archive)).all():
        raise InputError("not of the segments in segments.csv", f"{prefix}.ark", "run the stage spectrograms")
    return archive


def training_batches(inputs: Inputs, settings: Parameters) -> tuple[Data, Batches, Batches]:
    """(data, training batches, validation batches) for a model that takes `inputs`.

    Errors: Missing where the corpus lacks them.
    """
    seed = settings.train.seed
    if inputs == "segments":
        segments = Segments(settings.corpus.factors)
        batch = settings.train.segments.batch
        return (
            segments.data,
            segments.batches("train", batch, seed, shuffle=True),
            segments.batches("valid", batch),
        )
    if inputs == "utterances":
        utterances = Utterances()
        chosen = settings.train.utterances
        train = utterances.chunks("train", chosen.frames, chosen.batch, seed, shuffle=True)
        return utterances.data, train, utterances.chunks("valid", chosen.frames, chosen.batch)
    raise InputError(f"no stage prepares {inputs} for training yet", "inputs", "use utterances or segments")
