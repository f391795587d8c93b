"""Crops of waves with what is known of them at lower rates: units, pitch codes, F0, the speaker's vector."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.features.batches import factor_indices
from speech_factorization.interfaces import Batch

__all__ = ["BLOCK", "F0_HOP", "WaveBatches"]

BLOCK = 1280
"""Samples of a pitch code; crops are whole blocks, so that every stream is cut at a whole entry."""

F0_HOP = 80

Arrays = Mapping[str, NDArray[Any]]


class WaveBatches:
    """Crops x [B, crop] with their streams: interfaces.Batches.

    waves: utterance -> [samples] float, at the level models are trained at; content, pitch: utterance -> codes, one
    every `hop` and every 1280 samples; f0: utterance -> Hz every 80 samples, 0 = unvoiced; vectors: utterance ->
    [256]; table: the utterances that are wanted, with the columns utterance and speaker; speakers: their names in
    index order, for `factors`.

    Streams of a batch: content [B, crop / hop] and pitch [B, crop / 1280] int64, f0 [B, crop / 80], speaker [B, 256].
    Shuffled, an epoch has `crops` crops of every utterance at random whole blocks, in random order; half of them
    go with the vector of any utterance of the same speaker, half with the speaker's mean: what the voice is, not
    what this utterance made of it. Not shuffled, it has the middle of each and that utterance's own vector. All
    that is random depends on (seed, epoch) alone. `skipped` counts utterances shorter than a crop.
    """

    def __init__(
        self,
        waves: Arrays,
        content: Arrays,
        pitch: Arrays,
        f0: Arrays,
        vectors: Arrays,
        table: pd.DataFrame,
        speakers: Sequence[str],
        hop: int,
        crop: int,
        batch: int,
        *,
        crops: int = 1,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        if crop % BLOCK:
            raise InputError(f"crops of {crop} samples", "train.waves.crop", f"use a multiple of {BLOCK}")
        rows = table[table["samples"] >= crop]
        self.skipped = len(table) - len(rows)
        if rows.empty:
            what = f"none of {len(table)} utterances is as long as a crop of {crop} samples"
            raise InputError(what, "train.waves.crop", "lower it, or use longer utterances")
        self._waves, self._content, self._pitch, self._f0 = waves, content, pitch, f0
        self._names: list[str] = rows["utterance"].astype(str).tolist()
        self._blocks: list[int] = ((rows["samples"] - crop) // BLOCK + 1).tolist()
        self._factors = factor_indices(rows, {"speaker": speakers})
        self._hop, self._crop, self._batch = hop, crop, batch
        self._seed, self._shuffle, self._crops = seed, shuffle, crops if shuffle else 1
        self._vectors = np.stack([vectors[name] for name in self._names]).astype(np.float32)
        self._set_speakers(rows["speaker"].astype(str).to_numpy())

    def _set_speakers(self, speakers: NDArray[Any]) -> None:
        """Of each item the items of its speaker, and that speaker's mean vector."""
        names, self._speaker = np.unique(speakers, return_inverse=True)
        self._items = [np.flatnonzero(self._speaker == i) for i in range(len(names))]
        means = np.stack([self._vectors[items].mean(0) for items in self._items])
        self._means = means / np.linalg.norm(means, axis=1, keepdims=True).clip(min=1e-12)

    def __len__(self) -> int:
        return -(-len(self._names) * self._crops // self._batch)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, epoch])
        items = np.tile(np.arange(len(self._names)), self._crops)
        places, vectors = np.full(len(items), 0.5), self._vectors
        if self._shuffle:
            items = rng.permutation(items)
            places, vectors = rng.random(len(items)), self._drawn(rng, items)
        for i in range(0, len(items), self._batch):
            part = slice(i, i + self._batch)
            begins = [
                int(p * self._blocks[k]) * BLOCK for p, k in zip(places[part], items[part], strict=True)
            ]
            yield self._cut(items[part], begins, torch.from_numpy(vectors[part]))

    def _drawn(self, rng: np.random.Generator, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """For each item a vector of its speaker's, or their mean, [items, 256]."""
        speakers = self._speaker[items]
        others = [self._items[s] for s in speakers]
        chosen = [of[int(p * len(of))] for p, of in zip(rng.random(len(items)), others, strict=True)]
        mean = rng.random(len(items))[:, None] < 0.5
        drawn: NDArray[np.float32] = np.where(mean, self._means[speakers], self._vectors[chosen])
        return drawn

    def _cut(self, items: NDArray[np.int64], begins: Sequence[int], vectors: torch.Tensor) -> Batch:
        index = torch.from_numpy(items)
        names = [self._names[item] for item in items]

        def cut(arrays: Arrays, hop: int, kind: type) -> torch.Tensor:
            parts = zip(names, begins, strict=True)
            found = [arrays[name][b // hop :][: self._crop // hop] for name, b in parts]
            for name, part in zip(names, found, strict=True):
                if len(part) < self._crop // hop:
                    raise InputError("a stream is shorter than its wave", name, "run its stage again")
            return torch.from_numpy(np.stack(found).astype(kind))

        return Batch(
            x=cut(self._waves, 1, np.float32),
            lengths=torch.full((len(items),), self._crop, dtype=torch.int64),
            factors={name: values[index] for name, values in self._factors.items()},
            utterances=tuple(names),
            streams={
                "content": cut(self._content, self._hop, np.int64),
                "pitch": cut(self._pitch, BLOCK, np.int64),
                "f0": cut(self._f0, F0_HOP, np.float32),
                "speaker": vectors,
            },
        )
