"""Batches of segments, vowels, chunks and whole utterances, from arrays kept by key.

All implement `interfaces.Batches`. The order is a function of (seed, epoch) alone and is shuffled only
where asked for; the last, shorter batch is kept.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.features.stft import FFT, HOP, power_spectrogram
from speech_factorization.features.vowels import vowel_image
from speech_factorization.interfaces import Batch

__all__ = [
    "CACHE_BYTES",
    "ChunkBatches",
    "SegmentBatches",
    "UtteranceBatches",
    "VowelBatches",
    "factor_indices",
]

# What ChunkBatches may keep in memory: about five hours of power spectrograms.
CACHE_BYTES = 2**30

Arrays = Mapping[str, NDArray[np.float32]] | Mapping[str, NDArray[np.int16]]


def factor_indices(table: pd.DataFrame, factors: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    """Class index of every row for each factor [rows] int64; -1 where the class is not in the list.

    table: one column per factor; factors: name -> class names in index order (`interfaces.Data`).
    """
    indices = {}
    for name, classes in factors.items():
        if name not in table:
            raise InputError(f"no column {name!r}", remedy=f"the columns are {', '.join(table.columns)}")
        number = {value: i for i, value in enumerate(classes)}
        indices[name] = torch.tensor([number.get(str(value), -1) for value in table[name]], dtype=torch.int64)
    return indices


class _Order:
    """Which items make up which batch."""

    def __init__(self, count: int, batch: int, seed: int, shuffle: bool) -> None:
        self.count, self.batch, self.seed = count, batch, seed
        self.shuffle = shuffle

    def __len__(self) -> int:
        return -(-self.count // self.batch)

    def __call__(self, epoch: int) -> Iterator[NDArray[np.int64]]:
        items = np.arange(self.count)
        if self.shuffle:
            items = np.random.default_rng([self.seed, epoch]).permutation(self.count)
        for i in range(len(self)):
            yield items[i * self.batch : (i + 1) * self.batch]


class SegmentBatches:
    """Segments of one fixed shape, with their factors.

    spectrograms: segment id -> [20, 200]; segments: table with the columns segment, utterance and one per
    factor; factors: name -> class names in index order (-1 for a class not named). Spectrograms are read
    when their batch is asked for and none is kept, so memory does not grow with their number.
    """

    def __init__(
        self,
        spectrograms: Arrays,
        segments: pd.DataFrame,
        factors: Mapping[str, Sequence[str]],
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        if segments.empty:
            raise InputError("no segments", remedy="check the split, the fold and the corpus's size")
        self._spectrograms = spectrograms
        self._keys: list[str] = segments["segment"].astype(str).tolist()
        self._utterances: list[str] = segments["utterance"].astype(str).tolist()
        self.factors = factor_indices(segments, factors)
        self._order = _Order(len(self._keys), batch, seed, shuffle)
        self.shape = tuple(spectrograms[self._keys[0]].shape)

    def __len__(self) -> int:
        return len(self._order)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for items in self._order(epoch):
            index = torch.from_numpy(items)
            x = np.empty((len(items), *self.shape), np.float32)
            for row, i in enumerate(items.tolist()):
                x[row] = self._spectrograms[self._keys[i]]
            yield Batch(
                x=torch.from_numpy(x),
                lengths=torch.full((len(items),), self.shape[0], dtype=torch.int64),
                factors={name: values[index] for name, values in self.factors.items()},
                utterances=tuple(self._utterances[i] for i in items),
            )


class VowelBatches:
    """Vowel images [B, 288, 288], padded when they are read, with their factors; lengths: real frames.

    spectrograms: segment id -> [frames, 257]; vowels: table with the columns segment, utterance and one per
    factor; factors: name -> class names in index order (-1 for a class not named).
    """

    def __init__(
        self,
        spectrograms: Arrays,
        vowels: pd.DataFrame,
        factors: Mapping[str, Sequence[str]],
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        if vowels.empty:
            raise InputError("no vowels", remedy="check corpus.vowels, the split and the corpus's size")
        self._spectrograms = spectrograms
        self._keys: list[str] = vowels["segment"].astype(str).tolist()
        self._utterances: list[str] = vowels["utterance"].astype(str).tolist()
        self.factors = factor_indices(vowels, factors)
        self._order = _Order(len(self._keys), batch, seed, shuffle)

    def __len__(self) -> int:
        return len(self._order)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for items in self._order(epoch):
            found = [torch.from_numpy(np.array(self._spectrograms[self._keys[i]])) for i in items]
            index = torch.from_numpy(items)
            yield Batch(
                x=torch.stack([vowel_image(spectrogram) for spectrogram in found]),
                lengths=torch.tensor([len(spectrogram) for spectrogram in found]),
                factors={name: values[index] for name, values in self.factors.items()},
                utterances=tuple(self._utterances[i] for i in items),
            )


class ChunkBatches:
    """Chunks of utterances as power spectrograms [B, frames, 257]: what dynamical VAEs are trained on.

    As the benchmark cuts them: pieces of (frames - 1) * 256 samples, one after the other from the start of
    each utterance, what is left over dropped, every chunk divided by its own peak and reflected at its own
    edges; so they are not slices of the whole utterance's STFT.

    waves: utterance -> [samples], int16 or float, trimmed. `skipped` counts utterances shorter than one
    chunk, `silent` chunks that are all zeros (neither can be used).
    """

    def __init__(
        self,
        waves: Arrays,
        utterances: Sequence[str],
        frames: int,
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self._waves = waves
        self._samples = (frames - 1) * HOP
        if self._samples <= FFT // 2:
            raise InputError(
                f"chunks of {frames} frames are too short", "train.utterances.frames", "use at least 3"
            )
        self._chunks: list[tuple[str, int]] = []
        self.skipped = self.silent = 0
        for utterance in utterances:
            wave = waves[utterance]
            starts = range(0, len(wave) - self._samples + 1, self._samples)
            sounding = [s for s in starts if np.any(wave[s : s + self._samples])]
            self._chunks += [(utterance, s) for s in sounding]
            self.skipped += len(starts) == 0
            self.silent += len(starts) - len(sounding)
        if not self._chunks:
            raise InputError(
                f"none of {len(utterances)} utterances holds a chunk of {frames} frames "
                f"({self._samples / 16_000:.2f} s)",
                "train.utterances.frames",
                "lower train.utterances.frames or use longer utterances",
            )
        self._order = _Order(len(self._chunks), batch, seed, shuffle)
        fits = len(self._chunks) * frames * (FFT // 2 + 1) * 4 <= cache_bytes
        self._cache = self._powers(range(len(self._chunks))) if fits else None

    def __len__(self) -> int:
        return len(self._order)

    @property
    def items(self) -> int:
        """How many chunks there are."""
        return len(self._chunks)

    def _powers(self, items: Sequence[int] | range) -> Tensor:
        chunks = np.empty((len(items), self._samples), np.float32)
        for row, i in enumerate(items):
            utterance, start = self._chunks[i]
            chunk = self._waves[utterance][start : start + self._samples]
            chunks[row] = chunk / np.abs(chunk.astype(np.float32)).max()
        # A few hundred at a time: the STFT's workspace stays small when the whole set is computed at once.
        parts = (torch.from_numpy(chunks[i : i + 256]) for i in range(0, len(chunks), 256))
        return torch.cat([power_spectrogram(part) for part in parts])

    def __call__(self, epoch: int) -> Iterator[Batch]:
        for items in self._order(epoch):
            x = self._powers(items.tolist()) if self._cache is None else self._cache[torch.from_numpy(items)]
            yield Batch(
                x=x,
                lengths=torch.full((len(items),), x.shape[1], dtype=torch.int64),
                utterances=tuple(self._chunks[i][0] for i in items),
            )


class UtteranceBatches:
    """Whole utterances as power spectrograms [B, T, 257], zero-padded, grouped by length.

    waves: utterance -> [samples], int16 or float, trimmed; each is divided by its peak. Longest first, so
    a batch that does not fit in memory shows at once; `shuffle` changes the order of batches only.
    """

    def __init__(
        self, waves: Arrays, utterances: Sequence[str], batch: int, *, seed: int = 0, shuffle: bool = False
    ) -> None:
        if not utterances:
            raise InputError("no utterances", remedy="check the split and the corpus's size")
        self._waves = waves
        ordered = sorted(utterances, key=lambda name: (-len(waves[name]), name))
        self._groups = [ordered[i : i + batch] for i in range(0, len(ordered), batch)]
        self._order = _Order(len(self._groups), 1, seed, shuffle)

    def __len__(self) -> int:
        return len(self._groups)

    def __call__(self, epoch: int = 0) -> Iterator[Batch]:
        for (i,) in self._order(epoch):
            group = self._groups[i]
            powers = [self._power(name) for name in group]
            yield Batch(
                x=torch.nn.utils.rnn.pad_sequence(powers, batch_first=True),
                lengths=torch.tensor([len(power) for power in powers]),
                utterances=tuple(group),
            )

    def _power(self, utterance: str) -> Tensor:
        wave = self._waves[utterance].astype(np.float32)
        peak = np.abs(wave).max(initial=0)
        if not peak > 0:
            raise InputError("the utterance is silent", utterance, "remove it from the corpus")
        return power_spectrogram(torch.from_numpy(wave / peak))
