"""Arrays by key in Kaldi archives: PREFIX.ark holds the data, PREFIX.scp where each key begins.

The .scp names the archive relative to its own folder, so the folder can be moved or restored from a cache
and nothing in it depends on the machine; the usual Kaldi tools read both when started in that folder.
"""

import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
from kaldiio.matio import read_kaldi
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.files import new_file

__all__ = ["Archive", "Writer", "write_matrices", "write_waves"]


def write_matrices(prefix: Path, items: Iterable[tuple[str, NDArray[Any]]]) -> int:
    """Write float vectors [n] or matrices [n, m] as float32; returns how many."""
    with Writer(prefix) as writer:
        for key, array in items:
            writer.add_matrix(key, array)
    return len(writer.places)


def write_waves(prefix: Path, items: Iterable[tuple[str, NDArray[np.int16]]], rate: int = 16_000) -> int:
    """Write int16 waves [samples] as they are, in RIFF form; returns how many."""
    with Writer(prefix) as writer:
        for key, wave in items:
            writer.add_wave(key, wave, rate)
    return len(writer.places)


class Writer:
    """Both files of an archive, whole or not at all: they appear when the block ends without an error.

    places: key -> where its array begins in the .ark.
    """

    def __init__(self, prefix: Path) -> None:
        self.places: dict[str, int] = {}
        self._ark, self._scp = _files(prefix)
        self._files = ExitStack()

    def __enter__(self) -> "Writer":
        self._draft = self._files.enter_context(new_file(self._scp))
        self._out = self._files.enter_context(self._files.enter_context(new_file(self._ark)).open("wb"))
        return self

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            lines = (f"{key} {self._ark.name}:{place}\n" for key, place in self.places.items())
            self._draft.write_text("".join(lines), encoding="utf-8")
        self._files.__exit__(*error)

    def add_matrix(self, key: str, array: NDArray[Any]) -> None:
        """Add a float vector [n] or matrix [n, m], as float32."""
        self._add(key, np.ascontiguousarray(array, np.float32))

    def add_wave(self, key: str, wave: NDArray[np.int16], rate: int = 16_000) -> None:
        """Add an int16 wave [samples] as it is."""
        if wave.dtype != np.int16 or wave.ndim != 1:
            raise InputError(
                f"a wave of {wave.dtype} {list(wave.shape)}", key, "archives hold mono int16 waves"
            )
        self._add(key, (rate, wave))

    def _add(self, key: str, value: Any) -> None:
        if key in self.places or not key or any(c.isspace() for c in key):
            raise InputError(f"the key {key!r} is empty, has a space or comes twice", self._ark.name)
        self.places[key] = self._out.tell() + len(key.encode()) + 1
        kaldiio.save_ark(self._out, {key: value})


def _files(prefix: Path) -> tuple[Path, Path]:
    return prefix.with_name(prefix.name + ".ark"), prefix.with_name(prefix.name + ".scp")


class Archive(Mapping[str, NDArray[Any]]):
    """Read-only mapping key -> array of what `write_matrices` or `write_waves` wrote, in that order.

    The .ark is memory-mapped when the first array is read; an array is read-only, float32 or int16.
    Two processes may share one Archive across a fork.
    """

    def __init__(self, prefix: Path) -> None:
        self._ark, self._scp = _files(prefix)
        for file in (self._ark, self._scp):
            if not file.is_file():
                raise InputError("no such archive", file, "run the stage that writes it")
        self._places: dict[str, int] = {}
        for number, line in enumerate(self._scp.read_text(encoding="utf-8").splitlines(), 1):
            key, _, place = line.partition(" ")
            name, _, offset = place.rpartition(":")
            if name != self._ark.name or not offset.isdigit():
                raise InputError(
                    f"{line!r} does not point into {self._ark.name}", f"{self._scp}:{number}", "write it anew"
                )
            self._places[key] = int(offset)

    @cached_property
    def _map(self) -> mmap.mmap:
        with self._ark.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __getitem__(self, key: str) -> NDArray[Any]:
        place = self._places[key]
        # Nothing but matrices and RIFF: kaldiio would also unpickle what is marked as a pickle.
        if self._map[place : place + 2] != b"\0B" and self._map[place : place + 4] != b"RIFF":
            raise InputError(f"{key}: neither a matrix nor a wave", self._ark, "write the archive anew")
        self._map.seek(place)
        try:
            value = read_kaldi(self._map)
        except Exception as error:
            raise InputError(f"{key}: cut short or damaged", self._ark, "write the archive anew") from error
        array: NDArray[Any] = value[1] if isinstance(value, tuple) else value
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places
