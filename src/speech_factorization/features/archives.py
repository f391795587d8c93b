"""Arrays by key in Kaldi archives: PREFIX.ark holds the data, PREFIX.scp where each key begins.

The .scp names the archive relative to its own folder, so the folder can be moved or restored from a cache
and nothing in it depends on the machine; the usual Kaldi tools read both when started in that folder.
"""

import io
import itertools
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

__all__ = [
    "Archive",
    "Writer",
    "matrix_entry",
    "wave_entry",
    "whole_entries",
    "write_matrices",
    "write_waves",
]


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


def matrix_entry(key: str, array: NDArray[Any]) -> bytes:
    """What stands in an archive for a float vector [n] or matrix [n, m], as float32."""
    return _entry(key, np.ascontiguousarray(array, np.float32))


def wave_entry(key: str, wave: NDArray[np.int16], rate: int = 16_000) -> bytes:
    """What stands in an archive for an int16 wave [samples]."""
    if wave.dtype != np.int16 or wave.ndim != 1:
        raise InputError(f"a wave of {wave.dtype} {list(wave.shape)}", key, "archives hold mono int16 waves")
    return _entry(key, (rate, wave))


def _entry(key: str, value: Any) -> bytes:
    entry = io.BytesIO()
    kaldiio.save_ark(entry, {key: value})
    return entry.getvalue()


class Writer:
    """Both files of an archive, whole or not at all: they appear when the block ends without an error.

    go_on: instead they grow where they will be, and what a killed writer left of them counts (they should be in a
    draft, see `files.new_folder`). Arrays that are there already, byte for byte and in this order, are stepped
    over; the first that is not cuts off the rest. So the files end the same whatever they held before.
    places: key -> where its array begins in the .ark.
    """

    def __init__(self, prefix: Path, go_on: bool = False) -> None:
        self.places: dict[str, int] = {}
        self._ark, self._scp = _files(prefix)
        self._go_on = go_on
        self._left = whole_entries(prefix) if go_on else iter(())
        self._files = ExitStack()

    def __enter__(self) -> "Writer":
        # Closed the other way round: where the .scp is, the .ark is whole.
        self._index, self._out = self._opened(self._scp), self._opened(self._ark)
        return self

    def _opened(self, path: Path) -> "_Growing":
        return self._files.enter_context(
            _Growing(path if self._go_on else self._files.enter_context(new_file(path)))
        )

    def __exit__(self, *error: Any) -> None:
        self._files.__exit__(*error)

    def take(self, keys: Sequence[str]) -> bool:
        """Whether a killed writer left these arrays, whole, to come next; then they stay, without being made again.

        Only before the first array is added, and only where they cannot have become others: they are not compared.
        """
        entries = list(itertools.islice(self._left, len(keys)))
        if [key for key, _, _ in entries] != list(keys):
            self._left = iter(())
            return False
        for key, begin, end in entries:
            self._out.skip(end - begin)
            self._note(key, begin)
        return True

    def add_matrix(self, key: str, array: NDArray[Any]) -> None:
        """Add a float vector [n] or matrix [n, m], as float32."""
        self.add(key, matrix_entry(key, array))

    def add_wave(self, key: str, wave: NDArray[np.int16], rate: int = 16_000) -> None:
        """Add an int16 wave [samples] as it is."""
        self.add(key, wave_entry(key, wave, rate))

    def add(self, key: str, entry: bytes) -> None:
        """Add what `matrix_entry` or `wave_entry` made of an array, in another process perhaps."""
        if key in self.places or not key or any(c.isspace() for c in key):
            raise InputError(f"the key {key!r} is empty, has a space or comes twice", self._ark.name)
        self._left = iter(())
        begin = self._out.position
        self._out.write(entry)
        self._note(key, begin)

    def _note(self, key: str, begin: int) -> None:
        """The line of the entry that begins at this byte, with its key."""
        self.places[key] = begin + len(key.encode()) + 1
        self._index.write(f"{key} {self._ark.name}:{self.places[key]}\n".encode())


class _Growing:
    """A file written from its first byte on; what is there already and the same is stepped over, the rest cut off."""

    def __init__(self, path: Path) -> None:
        self.position = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._size = path.stat().st_size

    def __enter__(self) -> "_Growing":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        with self._file:
            if kind is None:
                self._file.truncate(self.position)

    def skip(self, count: int) -> None:
        """Leave the next bytes as they are."""
        self.position += count
        self._file.seek(self.position)

    def write(self, data: bytes) -> None:
        """Write what comes next."""
        if self.position >= self._size:
            self._file.write(data)
        elif self._file.read(len(data)) != data:
            self._file.seek(self.position)
            self._file.truncate()
            self._size = 0
            self._file.write(data)
        # What is in the system's hands outlives this process.
        self._file.flush()
        self.position += len(data)


def whole_entries(prefix: Path) -> Iterator[tuple[str, int, int]]:
    """Key, first byte and byte after the last of each entry that a killed writer left whole, in order.

    Whole is what the next entry begins behind, within the .ark: which of the files was written last is not known.
    """
    ark, scp = _files(prefix)
    if not (ark.is_file() and scp.is_file()):
        return
    size, before = ark.stat().st_size, ("", 0)
    with scp.open("rb") as file:
        for number, line in enumerate(file):
            key, _, place = line.decode("utf-8", "replace").partition(" ")
            name, _, offset = place.rstrip("\n").rpartition(":")
            if not line.endswith(b"\n") or name != ark.name or not offset.isdecimal():
                return
            begin = int(offset) - len(key.encode()) - 1
            if number and not before[1] < begin <= size:
                return
            if number:
                yield *before, begin
            before = (key, begin)


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
