"""Kaldi's alignments: the number of a phone for every frame of an utterance."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from kaldiio.matio import read_int32vector
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE, Label
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.kaldi_files import Table, find, load_table, printable
from speech_factorization.errors import InputError

__all__ = ["Alignments"]

_SLACK = SAMPLE_RATE // 20
"""Samples that frames may lack: Kaldi's windows of 25 ms lie inside the signal, or are counted to the nearest."""

_LONGEST = 10_000
"""Bytes of an utterance's name; a file without a space in so many is no archive."""


@dataclass(frozen=True)
class _Place:
    """Where a vector lies: in which archive and at which byte."""

    ark: Path
    offset: int

    def fault(self, reason: str, what: str, remedy: str = "write the archive anew") -> Fault:
        """A fault at this byte."""
        return Fault(reason, self.ark, f"byte {self.offset}: {what}", remedy)


class Alignments:
    """Phones by utterance, from an .scp (lines "utterance ARCHIVE:BYTE") or from archives, binary or text.

    pattern: the file, or several archives (ali.*.ark), from the data directory on. phones: phones.txt, lines
    "symbol number". shift: of frames, in seconds. A phone is a run of one number: where a phone follows
    itself the two are one, unless their position suffixes differ.
    Transition numbers are no phone numbers; ali-to-phones --per-frame final.mdl ark:IN ark:OUT translates.
    faults: what could not be read of an archive, or was left out. Error: no such file, a compressed one,
    a malformed phones.txt.
    """

    def __init__(self, pattern: str, phones: str, shift: float, source: Path, root: str) -> None:
        self.shift, self._source, self._root = shift, source, root
        self.faults: list[Fault] = []
        self._symbols = _load_phones(source / phones)
        self._places: dict[str, _Place] = {}
        self._scp: Table | None = None
        self.path = source / pattern
        found = self.path.parent.glob(self.path.name) if self.path.name else ()
        files = sorted(path for path in found if path.is_file())
        if not files:
            raise InputError("no such file", self.path, "correct readers.kaldi.ali")
        if self.path.suffix == ".scp":
            self._scp = load_table(self.path)
            return
        for ark in files:
            self._index(ark)

    def __contains__(self, utterance: str) -> bool:
        return utterance in (self._places if self._scp is None else self._scp)

    def names(self) -> list[str]:
        """All utterances, sorted."""
        return sorted(self._places) if self._scp is None else self._scp.names()

    def labels(self, utterance: str, samples: int) -> tuple[Label, ...]:
        """The phones of one utterance, in samples; frame i begins after i shifts, as in Kaldi's own CTM.

        What is left of the audio after the last frame has no label.
        Fault: damaged, a number that is no phone, frames and audio of different lengths.
        """
        place = self._place(utterance)
        numbers = _vector(place)
        frame = self.shift * SAMPLE_RATE
        if not len(numbers) or abs(len(numbers) * frame - samples) > _SLACK + frame:
            raise place.fault(
                "the alignment is not as long as the audio",
                f"{len(numbers)} frames of {self.shift:g} s, {samples / SAMPLE_RATE:.3f} s of audio",
                "correct readers.kaldi.frame_shift, or use the audio that was aligned",
            )
        starts = [0, *(int(edge) for edge in np.flatnonzero(np.diff(numbers)) + 1), len(numbers)]
        labels = []
        for begin, end in zip(starts[:-1], starts[1:], strict=True):
            symbol = self._symbols.get(int(numbers[begin]))
            if symbol is None:
                raise place.fault(
                    "a frame's number is no phone",
                    f"{numbers[begin]} in frame {begin}",
                    "give phones, not transitions: ali-to-phones --per-frame final.mdl ark:IN ark:OUT",
                )
            if round(begin * frame) < samples:
                labels.append(Label(symbol, round(begin * frame), min(round(end * frame), samples)))
        return tuple(labels)

    def _place(self, utterance: str) -> _Place:
        if self._scp is None:
            return self._places[utterance]
        name, _, offset = self._scp.value(utterance).rpartition(":")
        if not name or not (offset.isascii() and offset.isdecimal() and len(offset) < 16):
            raise self._scp.fault(utterance, "no place in an archive", "write: utterance ARCHIVE:BYTE")
        return _Place(find(name, self._source, self._root), int(offset))

    def _index(self, ark: Path) -> None:
        """Note where every vector of an archive lies, up to the first that is none."""
        try:
            with ark.open("rb") as file:
                if file.read(2) == b"\x1f\x8b":
                    raise InputError("the archive is compressed", ark, f"expand it: gunzip -k {ark.name}")
                file.seek(0)
                while name := _key(file, ark):
                    place = _Place(ark, file.tell())
                    _skip(file, place)
                    if name in self._places:
                        twice = "an utterance is aligned twice"
                        self.faults.append(
                            place.fault(twice, f"{name} again", "keep one; the first is taken")
                        )
                    self._places.setdefault(name, place)
        except Fault as fault:
            self.faults.append(fault)
        except OSError as error:
            raise InputError(error.strerror or str(error), ark, "correct readers.kaldi.ali") from None


def _load_phones(path: Path) -> dict[int, str]:
    """Number -> symbol, without <eps>. Error: no such file, a bad line, a number twice."""
    table = load_table(path)
    if not table.there:
        raise InputError("no such file", path, "copy phones.txt from data/lang (readers.kaldi.phones)")
    symbols: dict[int, str] = {}
    for symbol in table.names():
        number = table.value(symbol)
        if not (number.isascii() and number.isdecimal() and len(number) < 10) or int(number) in symbols:
            raise table.fault(symbol, "no number of its own", "write: symbol number")
        symbols[int(number)] = symbol
    return {number: symbol for number, symbol in symbols.items() if symbol != "<eps>"}


def _key(file: BinaryIO, ark: Path) -> str:
    """The name before the next vector; empty at the end of the archive."""
    start, name = file.tell(), b""
    while (byte := file.read(1)) not in (b"", b" "):
        name += byte
        if len(name) > _LONGEST:
            break
    text = name.decode("utf-8", errors="backslashreplace").strip()
    if (text and text.isprintable() and byte == b" ") or not (text or byte):
        return text
    raise _Place(ark, start).fault("no archive of alignments", f"{printable(text)[:40]!r} is no name")


def _skip(file: BinaryIO, place: _Place) -> None:
    """Go to the end of the vector that begins here. Fault: none does, or it is cut short."""
    head = file.read(2)
    if head != b"\0B":
        file.seek(place.offset)
        if not file.readline().endswith(b"\n"):
            raise place.fault("the archive is cut short", "a line without an end")
        return
    head = file.read(5)
    count = int.from_bytes(head[1:], "little", signed=True)
    if len(head) < 5 or head[0] != 4 or count < 0:
        raise place.fault("no vector of whole numbers", repr(head))
    begin = file.tell()
    left = os.fstat(file.fileno()).st_size - begin
    if 5 * count > left:
        raise place.fault("the archive is cut short", f"{5 * count} bytes of {left} that are left")
    file.seek(begin + 5 * count)


def _vector(place: _Place) -> NDArray[np.int64]:
    """[frames] numbers. Fault: no archive, no vector there, damaged."""
    try:
        if not place.ark.is_file():
            raise place.fault(
                "the archive is missing", "no such file", "correct the .scp, or copy the archive"
            )
        with place.ark.open("rb") as file:
            file.seek(place.offset)
            _skip(file, place)
            length = file.tell() - place.offset
            file.seek(place.offset)
            binary = file.read(2) == b"\0B"
            file.seek(place.offset)
            if not binary:
                return np.array(file.read(length).decode("ascii").split(), dtype=str).astype(np.int64)
            return np.asarray(read_int32vector(file), dtype=np.int64)
    except OSError as error:
        raise place.fault("the archive is unreadable", error.strerror or str(error), "copy it") from None
    except (AssertionError, ValueError, OverflowError):
        raise place.fault("no vector of whole numbers", "damaged") from None
