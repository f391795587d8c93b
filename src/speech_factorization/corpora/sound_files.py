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
from speech_factorization.corpora.mp3 import PADDING, count_samples
from speech_factorization.corpora.sphere import is_sphere, read_header

__all__ = ["Sound", "open_sound"]

BLOCK = 1 << 20
"""Frames: what is in memory at a time, whatever length a header claims."""

_UNKNOWN_SIZE = 0x7FFFF000
"""Bytes: what a WAV file claims at least whose writer did not know its length (a pipe)."""

_CHUNKS = 1000
"""How many chunks of a WAV file are looked through for its samples."""

_PLAIN = (1, 3, 0xFFFE)
"""WAV codings in which a block is one sample of every channel: PCM, float, extensible."""

_IN_ORDER = ("MP3", "OGG", "MPEG")
"""Formats of libsndfile in which a place is not found to the sample but by reading up to it."""


@dataclass(frozen=True)
class Sound:
    """An open sound file. blocks: from which frame on -> [frames, channels] float64, full scale 1."""

    rate: int
    channels: int
    blocks: Callable[[int], Iterator[NDArray[np.float64]]]


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
            _check_ogg(path)
        opened = soundfile.SoundFile(path)
    with opened:
        if start[:4] != b"RIFF" and "(should be" in opened.extra_info:
            raise _cut_off(path, "the header names more than there is")
        if opened.format == "MP3":
            _check_mp3(path, opened.frames)
        yield Sound(opened.samplerate, opened.channels, lambda first: _blocks(path, opened, first))


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


def _blocks(path: Path, opened: Any, first: int) -> Iterator[NDArray[np.float64]]:
    """The rest of a file libsndfile reads, from frame `first` on."""
    claimed, place = opened.frames, 0
    if opened.format not in _IN_ORDER:
        place = min(first, claimed)
        with _readable(path):
            opened.seek(place)
    while True:
        with _readable(path):
            block = opened.read(BLOCK, dtype="float64", always_2d=True)
        if not len(block):
            break
        place += len(block)
        fresh = min(len(block), max(place - first, 0))
        if fresh:
            yield block[-fresh:]
    if claimed - place > (PADDING if opened.format == "MP3" else 0):
        raise _cut_off(path, f"{place} of {claimed} samples")


def _check_mp3(path: Path, claimed: int) -> None:
    """Fault: an MP3 is shorter or longer than libsndfile takes it to be."""
    there = count_samples(path)
    if there is None or abs(there - claimed) <= PADDING:
        return
    if there < claimed:
        raise _cut_off(path, f"{there} of {claimed} samples")
    raise Fault(
        "the MP3 does not say how long it is",
        path,
        f"{claimed} samples by its first frames, {there} in all",
        "convert it to WAV, e.g. ffmpeg -i IN.mp3 OUT.wav",
    )


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


def _check_ogg(path: Path) -> None:
    """Fault: the last page of an OGG file is not marked as the last of its stream, or is not whole."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 17)))  # a page has 65 307 bytes at most
        tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(page) >= 27 + page[26] + sum(lengths)
    if not whole or not page[5] & 4:
        raise _cut_off(path, "the last page is missing")


def _cut_off(path: Path, place: str) -> Fault:
    return Fault("the audio file is cut off", path, place, "copy it again")
