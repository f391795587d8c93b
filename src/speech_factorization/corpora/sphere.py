"""NIST SPHERE files: header and samples, 16-bit PCM of either byte order, u-law and A-law.

Read here and not by libsndfile, which takes a file that is cut off for a shorter one, and does not know the
headers of LDC's u-law files. Format: NIST SPHERE, "Speech File Manipulation Software (SPHERE) Package", 1990:
"NIST_1A", the size of the header, lines "name -type value", "end_head"; samples interleaved by channel.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.faults import Fault

__all__ = ["Sphere", "is_sphere", "read_header"]

_MAGIC = b"NIST_1A"
_SHORTEN = b"ajkg"
_LARGEST_HEADER = 1 << 20
_CODINGS = {
    "pcm": "pcm",
    "ulaw": "ulaw",
    "mu-law": "ulaw",
    "mulaw": "ulaw",
    "u-law": "ulaw",
    "alaw": "alaw",
    "a-law": "alaw",
}


@dataclass(frozen=True)
class Sphere:
    """Where the samples of a file are and what they mean; frames: samples per channel."""

    path: Path
    rate: int
    channels: int
    frames: int
    coding: str
    big_endian: bool
    begin: int

    def blocks(self, first: int, size: int = 1 << 18) -> Iterator[NDArray[np.float64]]:
        """[frames, channels] in [-1, 1) from frame `first` on, block by block."""
        kind = np.dtype(">i2" if self.big_endian else "<i2") if self.coding == "pcm" else np.dtype(np.uint8)
        first = min(first, self.frames)
        with self.path.open("rb") as file:
            file.seek(self.begin + first * self.channels * kind.itemsize)
            for place in range(first, self.frames, size):
                count = min(size, self.frames - place) * self.channels
                raw = np.frombuffer(file.read(count * kind.itemsize), dtype=kind)
                wave = raw if self.coding == "pcm" else _expanded(self.coding)[raw]
                yield wave.astype(np.float64).reshape(-1, self.channels) / 32768.0


def is_sphere(start: bytes) -> bool:
    """Whether a file that begins so is a SPHERE file, or a SPHERE file's bare shorten stream."""
    return start.startswith((_MAGIC, _SHORTEN))


def read_header(path: Path) -> Sphere:
    """What the header says, held against the file's size.

    Fault: compressed with shorten, malformed, a field missing or out of range, a coding that is not read,
    fewer samples than the header names.
    """
    with path.open("rb") as file:
        start = file.read(16)
        if start.startswith(_SHORTEN):
            raise _shortened(path, "a shorten stream, ajkg")
        size = start[8:].strip()
        if not size.isdigit() or not 16 <= int(size) <= _LARGEST_HEADER:
            raise _malformed(path, f"the size of the header is {size.decode('latin-1')!r}")
        header = (start + file.read(int(size) - len(start))).decode("latin-1")
    fields = _fields(path, header)
    coding = _coding(path, fields.get("sample_coding", "pcm"))
    rate, channels = (_number(path, fields, name) for name in ("sample_rate", "channel_count"))
    width = _number(path, fields, "sample_n_bytes", 2 if coding == "pcm" else 1)
    order = fields.get("sample_byte_format", "")
    if width != (2 if coding == "pcm" else 1) or (coding == "pcm" and order not in ("01", "10")):
        raise _unknown(path, f"{coding} of {width} bytes, byte format {order!r}")
    there = (path.stat().st_size - int(size)) // (width * channels)
    frames = _number(path, fields, "sample_count", there)
    if there < frames:
        raise Fault("the audio file is cut off", path, f"{there} of {frames} samples", "copy it again")
    return Sphere(path, rate, channels, frames, coding, order == "10", int(size))


def _fields(path: Path, header: str) -> dict[str, str]:
    """Name -> value of the header's fields."""
    lines = [line.rstrip("\r") for line in header.split("\n")]
    if "end_head" not in lines:
        raise _malformed(path, "no end_head")
    found: dict[str, str] = {}
    for number, line in enumerate(lines[2 : lines.index("end_head")], start=3):
        # -sN: a string of N characters, which may hold spaces.
        field = re.fullmatch(r"(\S+)\s+-(i|r|s\d+)(?:\s+(.*))?", line)
        if field:
            found[field[1]] = (field[3] or "").strip()
        elif line.strip() and not line.startswith(";"):
            raise _malformed(path, f"line {number}: {line[:60]!r}")
    return found


def _number(path: Path, fields: dict[str, str], name: str, default: int | None = None) -> int:
    """A field that is a whole number from 1 on (sample_count: from 0)."""
    if name not in fields and default is not None:
        return default
    value = fields.get(name, "")
    if not re.fullmatch(r"\d{1,15}(\.0*)?", value) or (name != "sample_count" and float(value) < 1):
        raise _malformed(path, f"{name} is {value!r}" if name in fields else f"no {name}")
    return int(float(value))


def _coding(path: Path, value: str) -> str:
    """pcm, ulaw or alaw."""
    name, _, embedded = value.partition(",")
    if "shorten" in embedded:
        raise _shortened(path, f"NIST SPHERE header, sample_coding {value}")
    if embedded or name not in _CODINGS:
        raise _unknown(path, f"sample_coding {value}")
    return _CODINGS[name]


def _expanded(coding: str) -> NDArray[np.int16]:
    """[256] the 16-bit sample each byte stands for (ITU-T G.711)."""
    code = np.arange(256)
    if coding == "ulaw":
        code = ~code & 0xFF
        size = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
        return np.where(code & 0x80, -size, size).astype(np.int16)
    code ^= 0x55
    exponent = (code & 0x70) >> 4
    size = ((code & 0x0F) << 4) + np.where(exponent, 0x108, 8)
    size <<= np.maximum(exponent - 1, 0)
    return np.where(code & 0x80, size, -size).astype(np.int16)


def _shortened(path: Path, place: str) -> Fault:
    remedy = "expand it: sph2pipe -f wav IN.WAV OUT.WAV"
    return Fault("the audio is compressed with shorten", path, place, remedy)


def _unknown(path: Path, place: str) -> Fault:
    remedy = "convert it: sph2pipe -f wav -p IN OUT.wav"
    return Fault("the SPHERE file is in a coding that is not read", path, place, remedy)


def _malformed(path: Path, place: str) -> Fault:
    return Fault("the SPHERE header is malformed", path, place, "copy it again, or convert it to WAV")
