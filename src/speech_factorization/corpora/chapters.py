"""LibriSpeech's chapters: who reads what, from its folders, transcripts and the table of its speakers."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from speech_factorization.corpora.base import Refusal
from speech_factorization.corpora.choices import plain
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.trees import walk

__all__ = ["Chapter", "find_chapters", "order", "read_speakers"]

_NAME = re.compile(r"[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,9}")
_CHAPTER = re.compile(r"[0-9]{1,9}-[0-9]{1,9}")
_SOUND = (".flac", ".wav")


@dataclass
class Chapter:
    """One chapter read by one speaker.

    sounds: utterance -> its file. lines: utterance -> number and text of its line in the transcript. faults: what
    is wrong in the transcript.
    """

    name: str
    transcript: Path
    sounds: dict[str, Path] = field(default_factory=dict)
    lines: dict[str, tuple[int, str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def speaker(self) -> str:
        """The reader's number, as a name."""
        return self.name.partition("-")[0]

    @property
    def utterances(self) -> list[str]:
        """Those with sound and those the transcript has, in order."""
        return sorted(self.sounds.keys() | self.lines.keys(), key=order)

    def sound(self, utterance: str) -> Path:
        """The file, or where it would be."""
        return self.sounds.get(utterance, self.transcript.with_name(f"{utterance}.flac"))

    def text(self, utterance: str) -> str:
        """What is read, empty where the transcript does not say."""
        return self.lines[utterance][1] if utterance in self.lines else ""

    def key(self, utterance: str) -> str:
        """What the split within a speaker goes by."""
        return plain(self.text(utterance)) or utterance


def order(name: str) -> tuple[int, ...]:
    """Names of numbers by these numbers: 84-121123-0000 before 1272-128104-0000."""
    return tuple(int(number) for number in name.split("-"))


def find_chapters(folder: Path, source: Path) -> tuple[list[Chapter], list[Refusal]]:
    """The chapters of a part by speaker and number, and files that belong to none, or twice to one."""
    tree = walk(folder)
    refusals = list(tree.refusals)
    chapters: dict[str, Chapter] = {}
    for own in tree.files.values():
        for path in own.values():
            name = path.name.lower().removesuffix(".trans.txt")
            if name != path.name.lower() and _CHAPTER.fullmatch(name):
                there = chapters.setdefault(name, Chapter(name, path)).transcript
                if there != path:
                    place, remedy = f"the other is {there.relative_to(folder)}", "keep one of the files"
                    fault = Fault("the transcript is there twice", path, place, remedy)
                    refusals.append(fault.refusal(name, "labels", source))
    for own in tree.files.values():
        if suffix := next((suffix for suffix in _SOUND if suffix in own), ""):
            try:
                _place(own[suffix], chapters, folder)
            except Fault as fault:
                refusals.append(fault.refusal(own[suffix].stem, "utterance", source))
    for chapter in chapters.values():
        _read_transcript(chapter)
    return sorted(chapters.values(), key=lambda chapter: order(chapter.name)), refusals


def _place(path: Path, chapters: dict[str, Chapter], folder: Path) -> None:
    """Add a sound file to its chapter. Fault: its name is none, or is taken."""
    name = path.stem
    if not _NAME.fullmatch(name):
        remedy = "name it by speaker, chapter and number, such as 84-121123-0000"
        raise Fault("the file's name is not one of LibriSpeech's", path, "", remedy)
    chapter = name.rpartition("-")[0]
    there = chapters.setdefault(chapter, Chapter(chapter, path.with_name(f"{chapter}.trans.txt")))
    if there.sounds.setdefault(name, path) != path:
        place = f"the other is {there.sounds[name].relative_to(folder)}"
        raise Fault("the utterance is there twice", path, place, "keep one of the files")


def _read_transcript(chapter: Chapter) -> None:
    """Fill in lines and faults."""
    path = chapter.transcript
    try:
        lines = _lines(path)
    except Fault as unread:
        chapter.faults.append(unread)
        return
    for number, line in lines:
        name, _, text = line.partition(" ")
        if not _NAME.fullmatch(name) or name.rpartition("-")[0] != chapter.name or not text.strip():
            fault = Fault(
                "a transcript line is malformed", path, f"line {number}: {line[:60]!r}", "write: NAME WORDS"
            )
        elif name in chapter.lines:
            place = f"line {number}: {name}, first on line {chapter.lines[name][0]}"
            fault = Fault("an utterance has two transcripts", path, place, "keep one of the lines")
        else:
            chapter.lines[name] = number, " ".join(text.split())
            continue
        chapter.faults.append(fault)
    for name in sorted(chapter.sounds.keys() - chapter.lines.keys(), key=order):
        fault = Fault("the transcript has no line for the utterance", path, name, "add it: NAME WORDS")
        chapter.faults.append(fault)


def read_speakers(path: Path) -> tuple[dict[str, str], list[Fault]]:
    """Speaker -> "F", "M" or "" from SPEAKERS.TXT ("84 | F | dev-clean | 8.02 | Christie Nowak"), and its faults.

    Lines that begin with ; are remarks.
    """
    sexes: dict[str, str] = {}
    faults: list[Fault] = []
    try:
        lines = _lines(path)
    except Fault as fault:
        return {}, [fault]
    for number, line in lines:
        if line.startswith(";"):
            continue
        speaker, _, rest = (part.strip() for part in line.partition("|"))
        sex = rest.partition("|")[0].strip()
        if speaker.isdecimal() and sex in ("F", "M"):
            sexes.setdefault(speaker, sex)
        else:
            place = f"line {number}: {line[:60]!r}"
            faults.append(
                Fault("a speaker's line is malformed", path, place, "write: NUMBER | F or M | PART")
            )
    return sexes, faults


def _lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a UTF-8 file that are not blank, stripped, with their numbers from 1.

    Fault: missing, unreadable, no UTF-8.
    """
    if not path.is_file():
        raise Fault("the text file is missing", path, "", "copy it from LibriSpeech")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        cause = error.strerror or str(error)
        raise Fault("the text file is unreadable", path, cause, "check its permissions") from None
    except UnicodeDecodeError as error:
        raise Fault("the text file is not UTF-8", path, f"byte {error.start}", "copy it again") from None
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
