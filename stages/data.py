"""The prepared data as models, judges and experiments take it."""

import hashlib
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.corpora.tables import Corpus, read_table
from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive
from speech_factorization.features.batches import ChunkBatches, SegmentBatches, VowelBatches
from speech_factorization.features.segments import BINS, FRAMES
from speech_factorization.features.stft import FFT
from speech_factorization.features.vowels import SIZE
from speech_factorization.features.waves import WaveBatches
from speech_factorization.interfaces import Batches, Data, Inputs
from speech_factorization.parameters import Parameters
from speech_factorization.resynthesis.level import scaled
from speech_factorization.resynthesis.units.durations import Stored
from stages import PREPARED

__all__ = [
    "Missing",
    "Segments",
    "Utterances",
    "Vowels",
    "Waves",
    "digest",
    "folders",
    "of_speakers",
    "training_batches",
]


# Columns of segments.csv that are no factors.
_OWN = ("segment", "utterance", "position", "split", "speaker_split", "begin", "end", "centre")


class Missing(Exception):
    """The corpus lacks what was asked for; the message says what. Whoever needs it is skipped and says so."""


def folders(name: str, kinds: Sequence[Inputs], settings: Parameters) -> list[Path]:
    """Where the prepared data lie that a model is trained on, of all kinds of input that it may take."""
    spectrograms = PREPARED / "spectrograms"
    found = {
        "utterances": [spectrograms / "utterances"],
        "segments": [spectrograms / "segments", PREPARED / "segments"],
        "vowels": [spectrograms / "vowels"],
    }
    if "waves" in kinds:
        units = PREPARED / "units" / settings.hp[name].units
        found["waves"] = [PREPARED / "corpus", units, PREPARED / "pitch", PREPARED / "speaker"]
    return [folder for kind in kinds for folder in found[kind]]


def digest(*folders: Path) -> str:
    """One SHA-256 of every file below the folders: names and bytes."""
    whole = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            whole.update(f"{path} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


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


class Levelled(Mapping[str, NDArray[np.float32]]):
    """Utterance -> its wave [samples] at the level at which the package listens."""

    def __init__(self, corpus: Corpus, utterances: Iterable[str]) -> None:
        self._corpus, self._names = corpus, list(utterances)

    def __getitem__(self, utterance: str) -> NDArray[np.float32]:
        return scaled(self._corpus.wave(utterance))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Waves:
    """Waves with the codes the stages units, pitch and speaker made of them; splits are between speakers.

    units: which kind of content units.
    """

    PARTS = ("units", "pitch", "speaker")

    def __init__(self, units: str, prepared: Path = PREPARED) -> None:
        self.folders = dict(
            zip(
                self.PARTS,
                (prepared / "units" / units, prepared / "pitch", prepared / "speaker"),
                strict=True,
            )
        )
        for stage, folder in self.folders.items():
            if (folder / "empty.txt").is_file():
                raise Missing((folder / "empty.txt").read_text(encoding="utf-8").strip())
            if not (folder / "part.json").is_file():
                raise InputError("nothing was made of the waves", folder, f"run the stage {stage}")
        self.corpus = Corpus(prepared / "corpus")
        self.content = Stored(self.folders["units"] / "codes")
        self.pitch = Archive(self.folders["pitch"] / "codes")
        self.f0 = Archive(self.folders["pitch"] / "decoded")
        self.tracked = Archive(self.folders["pitch"] / "f0")
        self.vectors = Archive(self.folders["speaker"] / "vectors")
        table = self.corpus.utterances
        # A stage leaves out what it cannot hear: a silent recording.
        streams = (self.content, self.pitch, self.vectors)
        self.table = table[[all(name in stream for stream in streams) for name in table["utterance"]]]
        _need_all_parts(self.table, "speaker_split", "utterances that can be heard")

    @property
    def data(self) -> Data:
        """What a model of waves is told."""
        speakers = self.table.loc[self.table["speaker_split"] == "train", "speaker"].astype(str)
        parts = {name: part.describe() for name, part in self.parts.items()}
        return Data({"speaker": tuple(sorted(set(speakers)))}, (), parts)

    @cached_property
    def parts(self) -> dict[str, Any]:
        """The networks that made the codes: units, pitch, speaker."""
        # By a computed name: their code is in the digest of the model that has parts, and of no other model.
        load = importlib.import_module("speech_factorization.resynthesis.parts").load
        return {name: load(folder) for name, folder in self.folders.items()}

    def streams(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        """Units [Tu] and pitch codes [Tp], int64, of every utterance of one split of speakers."""
        for name in of_speakers(self.table, split)["utterance"]:
            pitch = np.array(self.pitch[name], np.int64)
            yield torch.from_numpy(self.content[name]), torch.from_numpy(pitch)

    def batches(self, split: str, crop: int, batch: int, seed: int = 0, shuffle: bool = False) -> WaveBatches:
        """Crops of one split of speakers; what is too short is said, on standard error."""
        data, rows = self.data, of_speakers(self.table, split)
        streams = (self.content, self.pitch, self.f0, self.vectors)
        found = WaveBatches(
            Levelled(self.corpus, rows["utterance"]),
            *streams,
            rows,
            data.factors["speaker"],
            self.parts["units"].hop,
            crop,
            batch,
            seed=seed,
            shuffle=shuffle,
        )
        if found.skipped:
            print(
                f"{split}: {found.skipped} of {len(rows)} utterances are shorter than a crop", file=sys.stderr
            )
        return found


def of_speakers(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Rows of one split of speakers; for training and validation without the sentences that others are scored on.

    Those are the texts of `split` test of the test speakers (`Material.sources`): where all say the same few
    sentences, not all of them are trained on. Utterances without a text are kept.
    """
    rows = table[table["speaker_split"] == split]
    scored = set(table[(table["split"] == "test") & (table["speaker_split"] == "test")]["text"]) - {""}
    return rows if split == "test" else rows[~rows["text"].isin(scored)]


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


def training_batches(model: str, inputs: Inputs, settings: Parameters) -> tuple[Data, Batches, Batches]:
    """(data, training batches, validation batches) for a model that takes `inputs`.

    Errors: Missing where the corpus lacks them.
    """
    seed, chosen = settings.train.seed, getattr(settings.train, inputs)
    if inputs == "utterances":
        utterances = Utterances()
        train = utterances.chunks("train", chosen.frames, chosen.batch, seed, shuffle=True)
        return utterances.data, train, utterances.chunks("valid", chosen.frames, chosen.batch)
    if inputs == "waves":
        waves = Waves(settings.hp[model].units)
        crops = waves.batches("train", chosen.crop, chosen.batch, seed, shuffle=True)
        return waves.data, crops, waves.batches("valid", chosen.crop, chosen.batch)
    items = Segments(settings.corpus.factors) if inputs == "segments" else Vowels()
    items_train = items.batches("train", chosen.batch, seed, shuffle=True)
    return items.data, items_train, items.batches("valid", chosen.batch)
