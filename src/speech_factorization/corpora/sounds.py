"""Many sounds in their order, read in several processes; what a killed run had read already is not read again."""

import hashlib
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

import numpy as np
from kaldiio.matio import read_kaldi
from numpy.typing import NDArray

from speech_factorization.corpora.audio import read_sound
from speech_factorization.corpora.base import Refusal
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.tables import AUDIO, JOURNAL
from speech_factorization.features.archives import whole_entries
from speech_factorization.parallel import in_order
from speech_factorization.progress import shown

__all__ = ["Heard", "Memory", "Request", "read_sounds"]

Plan = TypeVar("Plan")


@dataclass(frozen=True)
class Request:
    """The sound of an utterance: a file or a segment of one, as `read_audio` takes it."""

    utterance: str
    path: Path
    channel: int | None = None
    begin: float = 0.0
    end: float | None = None

    def __str__(self) -> str:
        return str(self.path)

    def stamp(self) -> str:
        """Another where the file has become another, or something else is asked for; "" where that is not known."""
        try:
            file = self.path.stat()
        except (OSError, ValueError):
            return ""
        state = (file.st_size, file.st_mtime_ns, file.st_ctime_ns, file.st_dev, file.st_ino)
        return hashlib.sha256(repr((self, state)).encode()).hexdigest()[:16]


class Heard(NamedTuple):
    """[samples] int16 at 16 kHz, and the file's own rate in Hz."""

    wave: NDArray[np.int16]
    rate: int


def read_file(request: Request) -> tuple[NDArray[np.int16], int]:
    """The wave of a request and the file's own rate; Fault: see `read_sound`."""
    with _named_notes(request.path):
        return read_sound(request.path, request.channel, request.begin, request.end)


@contextmanager
def _named_notes(path: Path) -> Iterator[None]:
    """Put the file's name before what mpg123 writes to standard error about an MP3, which names none."""
    if path.suffix.lower() != ".mp3":
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notes:
        os.dup2(notes.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            notes.seek(0)
            for line in filter(None, map(str.strip, notes.read().decode(errors="replace").splitlines())):
                print(f"{path}: {line}", file=sys.stderr)


def read_sounds(
    planned: Sequence[Refusal | tuple[Request, Plan]],
    source: Path,
    jobs: int,
    memory: "Memory | None" = None,
    read: Callable[[Any], tuple[NDArray[np.int16], int]] = read_file,
) -> Iterator[Refusal | tuple[Request, Plan, Heard]]:
    """What a reader planned, in its order: refusals as they are, every plan with its sound or as a refusal.

    source: the corpus's folder, from which refusals name files. jobs: processes that read at once, of no influence
    on the results; see `in_order` for how many sounds are in memory. memory: of a killed run, if there was one.
    read: gives the sound of a request.
    """
    hear = partial(_hear, read, memory.load() if memory else None)
    heard = in_order(hear, (one[0] for one in planned if not isinstance(one, Refusal)), jobs)
    for one in shown(planned, len(planned), "sounds read"):
        if isinstance(one, Refusal):
            yield one
            continue
        request, plan = one
        sound, line = next(heard)
        if isinstance(sound, Fault):
            yield sound.refusal(request.utterance, "utterance", source)
            continue
        if memory and line:
            memory.note(line)
        yield request, plan, sound


class Memory:
    """What a killed run had read, for the one that goes on in its draft of the corpus (`tables.write_corpus`).

    The waves are those in its archive. The journal has a line for each: utterance, stamp of the request, rate and
    checksum of the wave. A wave counts where the stamp is the same still and the checksum is that of what stands in
    the archive, in whatever state the run left both.
    """

    def __init__(self, draft: Path) -> None:
        self.draft = draft
        self._journal: TextIO | None = None

    def load(self) -> "_Known":
        """What is there now."""
        lines: dict[str, tuple[str, int, int]] = {}
        journal = self.draft / JOURNAL
        if journal.is_file():
            for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
                match line.split(" "):
                    case [utterance, stamp, rate, checksum] if rate.isdecimal() and checksum.isdecimal():
                        lines[utterance] = stamp, int(rate), int(checksum)
        places = {key: (begin, end) for key, begin, end in whole_entries(self.draft / AUDIO) if key in lines}
        return _Known(self.draft / f"{AUDIO}.ark", lines, places)

    def note(self, line: str) -> None:
        """Add a line to the journal."""
        if self._journal is None:
            self._journal = (self.draft / JOURNAL).open("a", encoding="utf-8", buffering=1)
            # Behind half a line, if the run was killed in one.
            self._journal.write("\n")
        self._journal.write(f"{line}\n")


@dataclass(frozen=True)
class _Known:
    """lines: utterance -> stamp, rate, checksum; places: utterance -> first byte and end of its entry in `ark`."""

    ark: Path
    lines: dict[str, tuple[str, int, int]]
    places: dict[str, tuple[int, int]]

    def recall(self, utterance: str, stamp: str) -> Heard | None:
        """The wave, if it is known and of this stamp."""
        known, place = self.lines.get(utterance), self.places.get(utterance)
        if known is None or place is None or known[0] != stamp:
            return None
        begin = place[0] + len(utterance.encode()) + 1
        try:
            with self.ark.open("rb") as file:
                file.seek(begin)
                _, wave = read_kaldi(io.BytesIO(file.read(place[1] - begin)))
        except Exception:
            # Whatever stands there: it is read anew.
            return None
        return Heard(wave, known[1]) if zlib.crc32(wave.tobytes()) == known[2] else None


def _hear(
    read: Callable[[Any], tuple[NDArray[np.int16], int]], known: _Known | None, request: Request
) -> tuple[Heard | Fault, str]:
    """One sound, and its line for the journal."""
    try:
        if known is None:
            return Heard(*read(request)), ""
        stamp = request.stamp()
        heard = known.recall(request.utterance, stamp)
        if heard is not None:
            return heard, ""
        heard = Heard(*read(request))
    except Fault as fault:
        return fault, ""
    if not stamp:
        return heard, ""
    return heard, f"{request.utterance} {stamp} {heard.rate} {zlib.crc32(heard.wave.tobytes())}"
