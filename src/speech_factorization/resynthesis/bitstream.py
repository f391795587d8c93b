"""Codes as a file and back: a header, the entropy-coded streams, a checksum. Little-endian throughout.

    magic "SFC", version                      3 + 1 bytes
    flags                                     1: bit 0 duplicates removed (runs), bit 1 voice included
    fingerprint of the tables                 4: which model's codes they are (`entropy.Tables`)
    samples, content hop, content codes,      variable: 7 bits a byte, the lowest first, the highest bit
      pitch hop, pitch codes                    says that more follow
    level                                     2: int16, 1000 times its natural logarithm
    voice, where it is included               variable size D, then 4 + D: mean and standard deviation of log F0
                                                as uint16, 6000 times; the speaker's vector as int8, 127 its largest
    or its name                               4: of its bytes' SHA-256; the receiver has it from another file
    size of the payload                       variable
    payload                                   both streams, `entropy.Tables.encode`
    CRC-32 of all that                        4

Content, pitch and the number of samples come back as they were. The rest is rounded: level to .05 %, F0 statistics to
.01 %, the speaker's vector to a cosine of .9999 or so.
"""

import hashlib
import math
import struct
import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.entropy import Tables
from speech_factorization.resynthesis.pitch.statistics import Statistics

__all__ = ["VERSION", "Header", "Voice", "read", "write"]

MAGIC = b"SFC"
VERSION = 1
REMOVED, INCLUDED = 1, 2
LEVEL, PROSODY, VECTOR = 1000, 6000, 127
CHECK = 4


@dataclass(frozen=True, eq=False)
class Voice:
    """Whose voice it is: the vector [D] float32 of unit length, and the statistics of log F0."""

    speaker: NDArray[np.float32]
    statistics: Statistics

    @classmethod
    def of(cls, codes: Codes) -> "Voice":
        """The codes' voice as a file gives it back: rounded."""
        packed = cls(codes.speaker.detach().cpu().numpy(), codes.statistics).pack()
        return cls.unpack(packed)

    def pack(self) -> bytes:
        """4 + D bytes. Errors: statistics of no F0, a vector without length."""
        prosody = [self.statistics.mean, self.statistics.std]
        largest = float(np.abs(self.speaker).max(initial=0))
        if not (0 < largest < math.inf and all(0 <= value * PROSODY < 1 << 16 for value in prosody)):
            raise InputError(f"a voice of log F0 {prosody} and of size {largest:g}", remedy="encode it anew")
        vector = np.rint(self.speaker.astype(np.float64) * (VECTOR / largest)).astype(np.int8)
        return struct.pack("<2H", *(round(value * PROSODY) for value in prosody)) + vector.tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> "Voice":
        """What `pack` gave."""
        mean, std = struct.unpack_from("<2H", data)
        vector = np.frombuffer(data, np.int8, offset=4).astype(np.float32)
        return cls(vector / np.linalg.norm(vector), Statistics(mean / PROSODY, std / PROSODY))

    @property
    def name(self) -> bytes:
        """4 bytes by which a file refers to it."""
        return _name(self.pack())

    def given_to(self, codes: Codes) -> Codes:
        """The codes in this voice. What they say of pitch is meant to be normalised by its statistics."""
        return replace(codes, speaker=torch.from_numpy(self.speaker.copy()), statistics=self.statistics)


@dataclass(frozen=True, eq=False)
class Header:
    """What a file says before its streams, and where they lie.

    voice: included, or None; then voice_name tells which one is meant.
    """

    duplicates: bool
    fingerprint: bytes
    samples: int
    hop: int
    codes: int
    pitch_hop: int
    pitch_codes: int
    level: float
    voice: Voice | None
    voice_name: bytes
    payload: bytes

    @classmethod
    def read(cls, data: bytes, where: object = "") -> "Header":
        """Errors: InputError for what is no such file, of another version, cut off or damaged."""
        if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
            raise InputError("is no file of compressed speech", where, "name one that `compress` wrote")
        if len(data) > len(MAGIC) and data[len(MAGIC)] != VERSION:
            what = f"is of version {data[len(MAGIC)]} of the format, known is {VERSION}"
            raise InputError(what, where, "decompress it with the release that wrote it, or copy it again")
        try:
            header = _parse(_Reader(data[:-CHECK], len(MAGIC) + 1))
        except _CutOff:
            raise InputError("the file is cut off", where, "copy it again") from None
        if header is None or zlib.crc32(data[:-CHECK]) != int.from_bytes(data[-CHECK:], "little"):
            raise InputError("the file is damaged", where, "copy it again")
        return header


def write(codes: Codes, tables: Tables, *, duplicates: bool = True, voice_included: bool = True) -> bytes:
    """A file of the codes. duplicates: unit by unit, else as runs; voice_included: else it is only named.

    Errors: InputError for codes that are not of these tables, or whose level or voice is none.
    """
    content, pitch = codes.content.cpu().numpy(), codes.pitch.cpu().numpy()
    _check(codes.samples, content, tables.hop, tables.content.symbols, "units")
    _check(codes.samples, pitch, tables.pitch_hop, tables.pitch.symbols, "pitch codes")
    if not 1e-14 < codes.level < 1e14:
        raise InputError(f"a level of {codes.level:g}", remedy="encode a sound that is not silent")
    voice = Voice(codes.speaker.detach().cpu().numpy(), codes.statistics).pack()
    numbers = (codes.samples, tables.hop, tables.content.symbols, tables.pitch_hop, tables.pitch.symbols)
    payload = tables.encode(content, pitch, duplicates)
    parts = [
        MAGIC,
        bytes([VERSION, (not duplicates) * REMOVED + voice_included * INCLUDED]),
        tables.fingerprint,
        *map(_variable, numbers),
        struct.pack("<h", round(LEVEL * math.log(codes.level))),
        _variable(len(voice) - 4) + voice if voice_included else _name(voice),
        _variable(len(payload)),
        payload,
    ]
    data = b"".join(parts)
    return data + zlib.crc32(data).to_bytes(CHECK, "little")


def read(data: bytes, tables: Tables, voice: Voice | None = None, where: object = "") -> Codes:
    """The codes of a file that `write` made. voice: of a file that only names it.

    Errors: InputError as of `Header.read`; for codes of other units than the tables', or of another voice.
    """
    header = Header.read(data, where)
    theirs = (header.hop, header.codes, header.pitch_hop, header.pitch_codes)
    ours = (tables.hop, tables.content.symbols, tables.pitch_hop, tables.pitch.symbols)
    if theirs != ours:
        what = "coded as {1} units every {0} samples and {3} pitch codes every {2}".format(*theirs)
        here = "{1} every {0} and {3} every {2}".format(*ours)
        raise InputError(f"{what}, the model has {here}", where, "name the model that it was compressed with")
    if header.fingerprint != tables.fingerprint:
        what = "coded with other units or statistics than the model's"
        raise InputError(what, where, "name the model that it was compressed with")
    known = header.voice or voice
    if known is None:
        raise InputError(
            "the voice is not in the file", where, "name a file that has it, --voice-of OTHER.sfc"
        )
    if known.name != header.voice_name:
        raise InputError("the voice is not the one the file means", where, "name another file, --voice-of")
    units, pitches = (-(-header.samples // hop) for hop in (header.hop, header.pitch_hop))
    try:
        content, pitch = tables.decode(header.payload, units, pitches, header.duplicates)
    except ValueError as error:
        raise InputError(f"the file is damaged ({error})", where, "compress the sound again") from None
    return Codes(
        torch.from_numpy(content),
        torch.from_numpy(pitch),
        torch.from_numpy(known.speaker.copy()),
        known.statistics,
        header.samples,
        header.level,
    )


class _CutOff(Exception):
    """The data end before what they say."""


class _Reader:
    """Bytes taken one part after the other."""

    def __init__(self, data: bytes, place: int) -> None:
        self.data, self.place = data, place

    def take(self, count: int) -> bytes:
        part = self.data[self.place : self.place + count]
        if len(part) < count:
            raise _CutOff
        self.place += count
        return part

    def variable(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value


def _parse(reader: _Reader) -> Header | None:
    """The header and what it says of the rest; None where that cannot be."""
    flags = reader.take(1)[0]
    fingerprint = reader.take(4)
    samples, hop, codes, pitch_hop, pitch_codes = (reader.variable() for _ in range(5))
    level = math.exp(struct.unpack("<h", reader.take(2))[0] / LEVEL)
    packed = reader.take(4 + reader.variable()) if flags & INCLUDED else None
    name = reader.take(4) if packed is None else _name(packed)
    payload = reader.take(reader.variable())
    if reader.place != len(reader.data) or flags > REMOVED + INCLUDED or not (hop and pitch_hop):
        return None
    if packed is not None and not any(packed[4:]):
        return None
    voice = None if packed is None else Voice.unpack(packed)
    return Header(
        duplicates=not flags & REMOVED,
        fingerprint=fingerprint,
        samples=samples,
        hop=hop,
        codes=codes,
        pitch_hop=pitch_hop,
        pitch_codes=pitch_codes,
        level=level,
        voice=voice,
        voice_name=name,
        payload=payload,
    )


def _variable(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _name(packed: bytes) -> bytes:
    return hashlib.sha256(packed).digest()[:4]


def _check(samples: int, stream: NDArray[np.int64], hop: int, symbols: int, of: str) -> None:
    if len(stream) != -(-samples // hop):
        raise InputError(f"{len(stream)} {of} of {samples} samples, one every {hop}", remedy="encode it anew")
    if len(stream) and not (stream.min() >= 0 and stream.max() < symbols):
        raise InputError(f"{of} beyond the {symbols} of the model", remedy="use the model that encoded it")
