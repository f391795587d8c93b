"""Crops of utterances for a network that tells speakers apart."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch

__all__ = ["CropBatches"]

Waves = Mapping[str, NDArray[np.float32]] | Mapping[str, NDArray[np.int16]]


class CropBatches:
    """Crops of utterances, [B, crop] waves with factor `speaker`: interfaces.Batches for `SpeakerNetwork`.

    waves: utterance -> [samples], int16 or float; utterances: which; speakers: of each utterance, names out
    of `classes`. Shuffled, an epoch has one random crop of every utterance at its own and at every other of
    `speeds`, whose speakers are classes of their own (class + count * number of the speed), in an
    order that (seed, epoch) decides. Not shuffled, it has the middle of each at its own speed. Utterances
    shorter than a crop are repeated.
    """

    def __init__(
        self,
        waves: Waves,
        utterances: Sequence[str],
        speakers: Sequence[str],
        classes: Sequence[str],
        crop: int,
        batch: int,
        speeds: Sequence[float] = (),
        *,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        if not utterances:
            raise InputError("no utterances for speaker verification", remedy="check the splits")
        number = {name: i for i, name in enumerate(classes)}
        unknown = sorted(set(speakers) - set(number))
        if unknown:
            raise InputError(
                f"no class for speaker {unknown[0]!r}", remedy="give every speaker's name in classes"
            )
        self._waves, self._names = waves, list(utterances)
        self._speakers = [number[speaker] for speaker in speakers]
        self._classes, self._seed, self._shuffle = len(classes), seed, shuffle
        self._speeds = [1.0, *speeds] if shuffle else [1.0]
        self._crop, self._batch = crop, batch

    def __len__(self) -> int:
        return -(-len(self._names) * len(self._speeds) // self._batch)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, epoch])
        count = len(self._names)
        order = np.arange(count * len(self._speeds))
        places = np.full(len(order), 0.5)
        if self._shuffle:
            order, places = rng.permutation(order), rng.random(len(order))
        for i in range(0, len(order), self._batch):
            part = slice(i, i + self._batch)
            items, fast = order[part] % count, order[part] // count
            crops = [self._cut(*which) for which in zip(items, fast, places[part], strict=True)]
            classes = [self._speakers[item] + self._classes * k for item, k in zip(items, fast, strict=True)]
            yield Batch(
                x=torch.from_numpy(np.stack(crops)),
                lengths=torch.full((len(items),), self._crop),
                factors={"speaker": torch.tensor(classes)},
                utterances=tuple(self._names[item] for item in items),
            )

    def _cut(self, item: int, fast: int, place: float) -> NDArray[np.float32]:
        """A crop of an utterance played at one of the speeds; place 0..1 says where."""
        speed = Fraction(self._speeds[fast]).limit_denominator(20)
        wave: NDArray[Any] = self._waves[self._names[item]]
        needed = -(-self._crop * speed.numerator // speed.denominator)
        if len(wave) < needed:
            wave = np.tile(wave, -(-needed // len(wave)))
        begin = int(place * (len(wave) - needed + 1))
        crop = wave[begin : begin + needed].astype(np.float32)
        if wave.dtype == np.int16:
            crop /= 32768
        if speed != 1:
            crop = resample_poly(crop, speed.denominator, speed.numerator).astype(np.float32)
        return crop[: self._crop]
