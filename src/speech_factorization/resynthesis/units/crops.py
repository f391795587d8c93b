"""Crops of recordings for the networks that make units: interfaces.Batches over arrays kept by utterance."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch

__all__ = ["Crops", "Heard"]

CACHE_BYTES = 2**30


class Heard(Mapping[str, Tensor]):
    """Utterance -> what a network looks at [T, C], made when first asked for; so much of it stays in memory."""

    def __init__(
        self, make: Callable[[str], Tensor], utterances: Sequence[str], cache_bytes: int = CACHE_BYTES
    ) -> None:
        self._make, self._names, self._left = make, list(utterances), cache_bytes
        self._cache: dict[str, Tensor] = {}

    def __getitem__(self, utterance: str) -> Tensor:
        if utterance in self._cache:
            return self._cache[utterance]
        found = self._make(utterance)
        size = found.numel() * found.element_size()
        if size <= self._left:
            self._left -= size
            self._cache[utterance] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Crops:
    """Crops [B, entries, C] of recordings, with no factors.

    heard: utterance -> [T, C]; lengths: T of each, in the order of `heard`. An epoch has as many crops of an
    utterance as fit into it side by side, at least one; shuffled, each lies where (seed, epoch) decides, else they
    lie side by side. A shorter recording is repeated.
    """

    def __init__(
        self,
        heard: Mapping[str, Tensor],
        lengths: Sequence[int],
        entries: int,
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        if not lengths:
            raise InputError("no utterances to learn units from", remedy="check the splits")
        self._heard, self._names, self._entries, self._batch = heard, list(heard), entries, batch
        counts = np.maximum(np.array(lengths) // entries, 1)
        self._utterance = np.repeat(np.arange(len(counts)), counts)
        self._begin = np.concatenate([entries * np.arange(n) for n in counts])
        self._free = np.maximum(np.array(lengths) - entries, 0)[self._utterance]
        self._seed, self._shuffle = seed, shuffle

    def __len__(self) -> int:
        return -(-len(self._utterance) // self._batch)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        order, begins = np.arange(len(self._utterance)), self._begin
        if self._shuffle:
            rng = np.random.default_rng([self._seed, epoch])
            order = rng.permutation(order)
            begins = rng.integers(0, self._free, endpoint=True)
        for i in range(0, len(order), self._batch):
            items = order[i : i + self._batch]
            names = [self._names[k] for k in self._utterance[items]]
            crops = [self._cut(name, int(begins[k])) for name, k in zip(names, items, strict=True)]
            lengths = torch.full((len(items),), self._entries)
            yield Batch(torch.stack(crops), lengths, utterances=tuple(names))

    def _cut(self, utterance: str, begin: int) -> Tensor:
        x = self._heard[utterance]
        if len(x) < self._entries:
            x = x.repeat(-(-self._entries // len(x)), 1)
        return x[begin : begin + self._entries]
