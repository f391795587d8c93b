"""Units with their durations: of equal ones in a row, one and how many they are; and how archives hold units."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive

__all__ = ["Stored", "deduplicate", "from_array", "repeat", "to_array"]


def deduplicate(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Codes [n], of which no two neighbours are equal, and durations [n], of codes [T]; int64."""
    found, durations = torch.unique_consecutive(codes, return_counts=True)
    return found, durations


def repeat(codes: Tensor, durations: Tensor) -> Tensor:
    """Codes [T] again: each of codes [n] as often as durations [n] says."""
    return torch.repeat_interleave(codes, durations)


def to_array(codes: Tensor, duplicates: Literal["kept", "removed"]) -> NDArray[np.float32]:
    """Codes [T] as an archive holds them: [T], or [n, 2], code and duration, where duplicates are removed."""
    held = codes if duplicates == "kept" else torch.stack(deduplicate(codes), 1)
    # Archives hold single precision, which all integers below 2^24 are whole in.
    found: NDArray[np.float32] = held.cpu().numpy().astype(np.float32)
    return found


def from_array(array: NDArray[Any]) -> Tensor:
    """Codes [T] int64 of what `to_array` gave. Errors: InputError for an array of another kind."""
    if (
        array.ndim > 2
        or (array.ndim == 2 and array.shape[1] != 2)
        or not np.array_equal(array, np.rint(array))
    ):
        raise InputError(f"no units: an array of shape {list(array.shape)}", remedy="run the stage units")
    held = torch.from_numpy(np.array(array, np.int64))
    return held if held.dim() == 1 else repeat(*held.unbind(1))


class Stored(Mapping[str, NDArray[np.int64]]):
    """Utterance -> codes [T] of an archive of either form. Errors: InputError, see `Archive` and `from_array`."""

    def __init__(self, prefix: Path) -> None:
        self._archive = Archive(prefix)

    def __getitem__(self, utterance: str) -> NDArray[np.int64]:
        found: NDArray[np.int64] = from_array(self._archive[utterance]).numpy()
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._archive)

    def __len__(self) -> int:
        return len(self._archive)

    def __contains__(self, utterance: object) -> bool:
        return utterance in self._archive
