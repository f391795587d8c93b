"""Transcripts of a tree of sound files: a text file beside each, or one table for all."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speech_factorization.corpora.base import Refusal
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.sheets import read_csv
from speech_factorization.corpora.trees import Sound, Tree, safe_names
from speech_factorization.errors import InputError

__all__ = ["Transcript", "beside", "from_table", "lacking"]

_LABEL_LINE = re.compile(r"\d+ \d+ \S+")
"""HTK's label files end in .lab too."""

_CONVERT = "convert it: iconv -f latin1 -t utf-8"


@dataclass(frozen=True)
class Transcript:
    """What is said in a sound, in one line, and where that is written; fault: why it is not known."""

    text: str
    file: Path
    line: int = 1
    fault: Fault | None = None


def lacking(sound: Sound) -> Transcript:
    """Of a sound without a transcript where others have one."""
    file = sound.path.with_suffix(".txt")
    fault = Fault("the transcript is missing", file, "", "write down what is said, or leave the sound out")
    return Transcript("", file, fault=fault)


def beside(tree: Tree, sounds: Sequence[Sound]) -> dict[str, Transcript]:
    """Place -> transcript, of the sounds that have a .lab, or else a .txt, of their name beside them."""
    found = {}
    for sound in sounds:
        own = tree.files[sound.place]
        path = own.get(".lab", own.get(".txt"))
        if path is not None:
            try:
                found[sound.place] = _read(path)
            except Fault as fault:
                found[sound.place] = Transcript("", path, fault=fault)
    return found


def _read(path: Path) -> Transcript:
    """The text of a file in UTF-8, its lines joined. Fault: unreadable, not UTF-8, labels with times."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        cause = error.strerror or str(error)
        raise Fault("the transcript is unreadable", path, cause, "check its permissions") from None
    except UnicodeDecodeError as error:
        raise Fault("the transcript is not UTF-8", path, f"byte {error.start}", _CONVERT) from None
    split = (" ".join(line.split()) for line in text.splitlines())
    lines = [(number, line) for number, line in enumerate(split, start=1) if line]
    if not lines:
        return Transcript("", path)
    first, line = lines[0]
    if "\0" in text:
        raise Fault("the transcript has NUL characters", path, f"byte {text.index(chr(0))}", _CONVERT)
    if all(_LABEL_LINE.match(line) for _, line in lines):
        remedy = "put the words there, not labels with times"
        raise Fault("the transcript has times", path, f"line {first}: {line[:40]!r}", remedy)
    return Transcript(" ".join(line for _, line in lines), path, first)


def from_table(
    path: Path, sounds: Sequence[Sound], source: Path
) -> tuple[dict[str, Transcript], list[Refusal]]:
    """Place -> transcript by a CSV (file or utterance, text), and its rows that no sound belongs to.

    `file`: the path in the tree, with or without suffix; `utterance`: the name of the utterance or of its file.
    Error: the table is malformed, a row could belong to several sounds, two rows to one, not one row to any.
    """
    rows = read_csv(path, ("text",))
    column = next((name for name in ("file", "utterance") if rows and name in rows[0][1]), None)
    if column is None:
        raise InputError("no column file or utterance, or no row", path, "begin it with a line: file,text")
    places = _places(sounds, column)
    transcripts: dict[str, Transcript] = {}
    refusals: list[Refusal] = []
    for line, row in rows:
        key = unicodedata.normalize("NFC", row[column]).removeprefix("./")
        where = f"{path}, line {line}"
        belongs = places.get(key, [])
        if len(belongs) > 1:
            remedy = "write their paths in a column named file"
            raise InputError(f"{key!r} could be {' or '.join(belongs[:3])}", where, remedy)
        if not belongs:
            fault = Fault("a transcript has no sound", path, f"line {line}: {key!r}", "correct the name")
            refusals.append(fault.refusal(safe_names([key])[0], "utterance", source))
        elif belongs[0] in transcripts:
            raise InputError(f"{key!r} has two texts", where, "keep one row")
        else:
            transcripts[belongs[0]] = Transcript(" ".join(row["text"].split()), path, line)
    if not transcripts:
        shown = next(iter(places), "")
        raise InputError(
            f"no row belongs to a sound: {rows[0][1][column]!r}, for one, is none",
            path,
            f"write names as they are in the tree, such as {shown!r}",
        )
    return transcripts, refusals


def _places(sounds: Sequence[Sound], column: str) -> dict[str, list[str]]:
    """What a row may call a sound -> the places of the sounds so called."""
    names = safe_names(sound.place for sound in sounds)
    places: dict[str, list[str]] = {}
    for sound, name in zip(sounds, names, strict=True):
        own = (sound.place, f"{sound.place}{sound.path.suffix}")
        keys = own if column == "file" else (name, Path(sound.place).name)
        for key in dict.fromkeys(keys):
            places.setdefault(key, []).append(sound.place)
    return places
