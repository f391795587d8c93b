"""The recordings a wav.scp names: sound files, places in archives, commands whose output is a sound."""

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.audio import read_sound
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.kaldi_files import find, printable
from speech_factorization.corpora.sounds import Request

__all__ = ["Entry", "Recordings"]

_LARGEST = 2**30
"""Bytes a command may write: nine hours at 16 kHz."""


@dataclass(frozen=True)
class Entry(Request):
    """The sound of an utterance as wav.scp names it: in which line, and what stands there after the name."""

    number: int = 0
    entry: str = ""

    def __str__(self) -> str:
        return f"line {self.number} of wav.scp: {printable(self.entry)[:120]}"

    def stamp(self) -> str:
        """What a command will give nobody knows."""
        return "" if self.entry.endswith("|") else super().stamp()


class Recordings:
    """Waves by what stands after a recording's name in wav.scp.

    FILE: a sound file. FILE:OFFSET: a sound in an archive, from that byte on, in RIFF form (Kaldi) or marked
    AUDIO (kaldiio). COMMAND |: its standard output, run by sh in `root` (or the data directory) where `pipes`
    is true, ended after so many seconds.
    folder: an empty one, where sounds from archives and commands are copied to; several processes may share it.
    """

    def __init__(
        self, scp: Path, root: str, channel: int | None, pipes: bool, seconds: float, folder: Path
    ) -> None:
        self.scp, self.root, self.channel = scp, root, channel
        self.pipes, self.seconds = pipes, seconds
        self._folder = folder
        self._entry = ""

    def request(
        self, utterance: str, number: int, entry: str, begin: float = 0.0, end: float | None = None
    ) -> Entry:
        """What `read` is to be given; begin, end: seconds."""
        path = self.scp
        if not entry.endswith("|"):
            archive = _in_archive(entry)
            path = find(archive[0] if archive else entry, self.scp.parent, self.root)
        return Entry(utterance, path, self.channel, begin, end, number, entry)

    def read(self, request: Entry) -> tuple[NDArray[np.int16], int]:
        """[samples] int16 at 16 kHz of an utterance, and its recording's own rate in Hz.

        A recording of many utterances is opened once while they come one after the other.
        Fault: as `read_sound`, and what no sound can be had from.
        """
        if request.entry != self._entry:
            # A fault is kept too: a recording of many segments is tried once.
            try:
                self._found: tuple[Path, Path] | Fault = self._open(request.number, request.entry)
            except Fault as fault:
                self._found = fault
            self._entry = request.entry
        if isinstance(self._found, Fault):
            raise self._found
        path, shown = self._found
        try:
            return read_sound(path, request.channel, request.begin, request.end)
        except Fault as fault:
            if path == shown:
                raise
            where = f"{self.scp.name} line {request.number}" + (f", {fault.place}" if fault.place else "")
            raise Fault(fault.reason, shown, where, fault.remedy) from None

    @property
    def _copy(self) -> Path:
        return self._folder / f"recording-{os.getpid()}"

    def _open(self, number: int, entry: str) -> tuple[Path, Path]:
        """A file that holds the sound alone, and the file to name in messages."""
        if entry.endswith("|"):
            self._run(number, entry.removesuffix("|"))
            return self._copy, self.scp
        if archive := _in_archive(entry):
            ark = find(archive[0], self.scp.parent, self.root)
            self._copy.write_bytes(_cut(ark, archive[1]))
            return self._copy, ark
        path = find(entry, self.scp.parent, self.root)
        try:
            present = path.is_file()
        except OSError:
            present = False
        if not present:
            remedy = "correct wav.scp, or name the folder its paths start from (readers.kaldi.root)"
            raise Fault("the audio file is missing", path, f"{self.scp.name} line {number}", remedy)
        return path, path

    def _run(self, number: int, command: str) -> None:
        """Run a command, its output into the copy."""
        place = f"line {number}"
        if not self.pipes:
            raise Fault(
                "the recording is the output of a command",
                self.scp,
                f"{place}: {printable(command)[:120]}|",
                "read the commands, then allow them: readers.kaldi.pipes=true",
            )
        with self._copy.open("wb") as out, tempfile.TemporaryFile() as said:
            why = self._wait(command, out, said)
            said.seek(0)
            lines = said.read(10_000).decode("utf-8", errors="replace").strip().splitlines()
        if self._copy.stat().st_size >= _LARGEST:
            why = f"wrote {_LARGEST} bytes or more"
        if why:
            last = printable(lines[-1])[:120] if lines else "it said nothing"
            raise Fault("the command failed", self.scp, f"{place}, {why}: {last}", "run it by hand")

    def _wait(self, command: str, out: BinaryIO, said: BinaryIO) -> str:
        """Why the command failed, or nothing; all that it started is ended with it."""
        running = subprocess.Popen(
            ["sh", "-c", f"ulimit -f {_LARGEST // 512} 2>/dev/null\n{command}"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=said,
            cwd=self.root or self.scp.parent,
            start_new_session=True,
        )
        try:
            status = running.wait(self.seconds)
        except subprocess.TimeoutExpired:
            return f"stopped after {self.seconds:g} s"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        return f"exit status {status}" if status > 0 else f"ended by signal {-status}" if status else ""


def _in_archive(entry: str) -> tuple[str, int] | None:
    """Archive and first byte, where that is what an entry names."""
    name, _, offset = entry.rpartition(":")
    return (name, int(offset[:20])) if name and offset.isascii() and offset.isdecimal() else None


def _cut(ark: Path, offset: int) -> bytes:
    """The bytes of one sound in an archive, no more."""
    remedy = "write archive and wav.scp anew"
    try:
        if not (ark.is_file() or ark.is_dir()):
            raise FileNotFoundError
        with ark.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(min(offset, size))
            head = file.read(16)
            if head.startswith(b"RIFF") and len(head) == 16:
                start, length = offset, 8 + int.from_bytes(head[4:8], "little")
            elif head.startswith(b"AUDIO") and len(head) == 16 and 1 <= head[5] <= 8:
                start, length = offset + 6 + head[5], int.from_bytes(head[6 : 6 + head[5]], "little")
            else:
                raise Fault("no sound begins there in the archive", ark, f"byte {offset}", remedy)
            if start + length > size:
                place = f"byte {offset}: {length} bytes of {size - start} that are left"
                raise Fault("the archive is cut short", ark, place, remedy)
            file.seek(start)
            return file.read(length)
    except FileNotFoundError:
        raise Fault("the archive is missing", ark, "", "correct wav.scp, or copy the archive") from None
    except OSError as error:
        raise Fault("the archive is unreadable", ark, error.strerror or str(error), "check it") from None
