"""TIMIT's transcripts: PHN and WRD lines are "begin end name", times in samples at 16 kHz."""

from pathlib import Path

from speech_factorization.corpora.base import SAMPLE_RATE, Label, Word
from speech_factorization.corpora.faults import Fault, read_lines

__all__ = ["read_phn", "read_txt", "read_wrd"]

_SILENCES = ("h#", "pau", "epi")


def read_phn(path: Path, samples: int) -> tuple[Label, ...]:
    """The phones of one utterance whose audio has so many samples; a silence at the end is clipped to it.

    Fault: missing, unreadable, empty, malformed, backwards, overlapping, ending after the audio.
    """
    rows = _rows(path)
    before = 0
    for number, begin, end, symbol in rows:
        if begin < before:
            raise Fault(
                "labels overlap",
                path,
                f"line {number}: {symbol} begins at {begin}, before {before}",
                "correct the times",
            )
        before = end
    number, begin, end, symbol = rows[-1]
    if end > samples and symbol in _SILENCES and begin < samples:
        rows[-1] = (number, begin, samples, symbol)
    for number, _, end, symbol in rows:
        if end > samples:
            raise Fault(
                "labels end after the audio",
                path,
                f"line {number}: {symbol} ends at {end / SAMPLE_RATE:.3f} s of {samples / SAMPLE_RATE:.3f} s",
                "copy audio and labels again, they do not belong together",
            )
    return tuple(Label(symbol, begin, end) for _, begin, end, symbol in rows)


def read_wrd(path: Path) -> tuple[Word, ...]:
    """The words of one utterance. Neighbours may share samples: TIMIT gives a shared phone to both.

    Fault: missing, unreadable, empty, malformed, backwards.
    """
    return tuple(Word(word, begin, end) for _, begin, end, word in _rows(path))


def read_txt(path: Path) -> str:
    """The sentence of one utterance, without the two times before it; Fault as above."""
    lines = read_lines(path)
    if not lines:
        raise Fault("the transcript is empty", path, "", "copy it again")
    return lines[0][1].split(maxsplit=2)[-1].strip()


def _rows(path: Path) -> list[tuple[int, int, int, str]]:
    """Line number, begin, end and name of every line."""
    rows: list[tuple[int, int, int, str]] = []
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) != 3 or not (fields[0].isdecimal() and fields[1].isdecimal()):
            raise Fault(
                "a label line is malformed", path, f"line {number}: {line!r}", "write: begin end name"
            )
        begin, end = int(fields[0]), int(fields[1])
        if end <= begin:
            raise Fault(
                "labels run backwards",
                path,
                f"line {number}: {begin} to {end}",
                "set begin before end, in samples",
            )
        if rows and begin < rows[-1][1]:
            raise Fault(
                "labels run backwards",
                path,
                f"line {number}: {begin} after {rows[-1][1]}",
                "set the lines in order",
            )
        rows.append((number, begin, end, fields[2]))
    if not rows:
        raise Fault(
            "the label file is empty", path, "", "copy it again, or use it where no labels are needed"
        )
    return rows
