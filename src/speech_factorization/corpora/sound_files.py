"""Sound files as a rate, a number of channels and a stream of blocks; a file that is cut off is a fault."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.mp3 import check_mp3
from speech_factorization.corpora.ogg import check_ogg
from speech_factorization.corpora.sphere import is_sphere, read_header

__all__ = ["Sound", "open_sound"]

BLOCK = 1 << 18
"""Samples of all channels: what is in memory at a time, whatever length a header claims."""

_UNKNOWN_SIZE = 0x7FFFF000
"""Bytes: what a WAV file claims at least whose writer did not know its length (a pipe)."""

_CHUNKS = 1000
"""How many chunks of a WAV file are looked through for its samples."""

_PLAIN = (1, 3, 0xFFFE)
"""WAV codings in which a block is one sample of every channel: PCM, float, extensible."""

_IN_ORDER = ("MP3", "OGG", "MPEG")
"""Formats of libsndfile in which a place is not found to the sample but by reading up to it.

So n segments of one such file take time that grows with n times its length.
"""

_LOUDEST = 8.0
"""Full scale 1: no coder of those formats makes such samples."""


@dataclass(frozen=True)
class Sound:
    """An open sound file. blocks: from which frame on -> [frames, channels] float64, full scale 1."""

    rate: int
    channels: int
    blocks: Callable[[int], Iterator[NDArray[np.float64]]]


class _File(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read from begin to end."""

    def seekable(self) -> bool:
        """No for what is read in order: soundfile seeks after every read, and an MP3's decoder begins anew there."""
        return self.format not in _IN_ORDER and bool(super().seekable())


@contextmanager
def open_sound(path: Path) -> Iterator[Sound]:
    """Open a WAV, FLAC, OGG, MP3, SPHERE or other file that libsndfile reads.

    Fault: unreadable, cut off; here or while the blocks are read.
    """
    with _readable(path), path.open("rb") as file:
        start = file.read(16)
    if is_sphere(start):
        with _readable(path):
            header = read_header(path)
        yield Sound(header.rate, header.channels, header.blocks)
        return
    with _readable(path):
        if start[:4] == b"RIFF":
            _check_wav(path)
        if start[:4] == b"OggS":
            check_ogg(path)
        opened = _File(path)
    with opened:
        if start[:4] != b"RIFF" and "(should be" in opened.extra_info:
            raise _cut_off(path, "the header names more than there is")
        spare = check_mp3(path, opened.frames) if opened.format == "MP3" else 0
        yield Sound(opened.samplerate, opened.channels, lambda first: _blocks(path, opened, first, spare))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong below into a Fault."""
    try:
        yield
    except PermissionError as error:
        cause = error.strerror or str(error)
        raise Fault("the audio file is unreadable", path, cause, "check its permissions") from None
    # soundfile: TypeError for a name that ends in .raw, RuntimeError where a place cannot be found.
    except (soundfile.SoundFileError, OSError, ValueError, TypeError, RuntimeError) as error:
        cause = (getattr(error, "strerror", None) or str(error)).rpartition(": ")[2].strip().rstrip(".")
        remedy = "copy it again, or convert it to WAV"
        raise Fault("the audio file is unreadable", path, cause, remedy) from None


def _blocks(path: Path, opened: Any, first: int, spare: int) -> Iterator[NDArray[np.float64]]:
    """The rest of a file libsndfile reads, from frame `first` on; spare: frames that may be missing."""
    claimed, place = opened.frames, 0
    if opened.format not in _IN_ORDER:
        place = min(first, claimed)
        with _readable(path):
            opened.seek(place)
    while True:
        with _readable(path):
            block = opened.read(max(BLOCK // opened.channels, 1), dtype="float64", always_2d=True)
        if not len(block):
            break
        if opened.format in _IN_ORDER and not np.abs(block).max() < _LOUDEST:
            raise Fault("the audio file is damaged", path, "samples far beyond full scale", "copy it again")
        place += len(block)
        fresh = min(len(block), max(place - first, 0))
        if fresh:
            yield block[-fresh:]
    if claimed - place > spare:
        raise _cut_off(path, f"{place} of {claimed} samples")


def _check_wav(path: Path) -> None:
    """Fault: the header of a WAV file contradicts itself, or names more samples than there are."""
    size, place = path.stat().st_size, 12
    with path.open("rb") as file:
        for _ in range(_CHUNKS):
            file.seek(place)
            name, length = struct.unpack("<4sI", file.read(8).ljust(8, b"\0"))
            if name == b"fmt ":
                kind, channels, _, _, block, bits = struct.unpack("<HHIIHH", file.read(16).ljust(16, b"\0"))
                if kind in _PLAIN and block != channels * -(-bits // 8):
                    where = f"blocks of {block} bytes for {channels} x {bits} bits"
                    raise Fault("the WAV header contradicts itself", path, where, "export it again")
            if name == b"data":
                there = size - place - 8
                if there < length < _UNKNOWN_SIZE:
                    raise _cut_off(path, f"{there} of {length} bytes of samples")
                return
            place += 8 + length + length % 2


def _cut_off(path: Path, place: str) -> Fault:
    return Fault("the audio file is cut off", path, place, "copy it again")
