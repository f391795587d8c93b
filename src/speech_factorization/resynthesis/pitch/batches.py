"""Segments of F0 contours for the training of the F0 VQ-VAE."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch
from speech_factorization.resynthesis.pitch.coder import contour
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics

__all__ = ["ContourBatches"]


class ContourBatches:
    """Segments [B, frames, 2] of `contour`, zeros behind the end of a short recording: interfaces.Batches.

    f0: utterance -> [T] Hz, 0 where unvoiced; utterances: which; speakers: of each of them. With `segments` given an
    epoch has so many of them, from places that (seed, epoch) draws, longer recordings more often, so that training
    takes the same time on any corpus; without, it covers every utterance, one segment after the other.
    """

    def __init__(
        self,
        f0: Mapping[str, NDArray[np.float32]],
        utterances: Sequence[str],
        speakers: Sequence[str],
        statistics: PitchStatistics,
        frames: int,
        batch: int,
        *,
        seed: int = 0,
        segments: int | None = None,
    ) -> None:
        if not utterances:
            raise InputError("no utterances to learn F0 codes from", remedy="check the splits")
        self._names, self._frames, self._batch, self._seed = list(utterances), frames, batch, seed
        self._contours = [
            contour(torch.from_numpy(np.array(f0[name])), statistics.of(speaker))
            for name, speaker in zip(utterances, speakers, strict=True)
        ]
        self._drawn = segments
        self._all = [
            (item, begin)
            for item, one in enumerate(self._contours)
            for begin in range(0, max(len(one), 1), frames)
        ]

    def __len__(self) -> int:
        return -(-(self._drawn or len(self._all)) // self._batch)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        segments = self._draw(epoch, self._drawn) if self._drawn else self._all
        for i in range(0, len(segments), self._batch):
            chosen = segments[i : i + self._batch]
            x = torch.zeros(len(chosen), self._frames, 2)
            lengths = []
            for row, (item, begin) in enumerate(chosen):
                part = self._contours[item][begin : begin + self._frames]
                x[row, : len(part)] = part
                lengths.append(len(part))
            yield Batch(x, torch.tensor(lengths), utterances=tuple(self._names[item] for item, _ in chosen))

    def _draw(self, epoch: int, count: int) -> list[tuple[int, int]]:
        """(recording, first frame) of `count` segments."""
        rng = np.random.default_rng([self._seed, epoch])
        lengths = np.array([max(len(one), 1) for one in self._contours])
        items = rng.choice(len(lengths), count, p=lengths / lengths.sum())
        begins = (rng.random(count) * (np.maximum(lengths[items] - self._frames, 0) + 1)).astype(np.int64)
        return list(zip(items.tolist(), begins.tolist(), strict=True))
