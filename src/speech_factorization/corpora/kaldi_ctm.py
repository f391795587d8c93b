"""CTM files: when each phone or word of an utterance begins and how long it lasts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.kaldi_files import printable, seconds
from speech_factorization.errors import InputError

__all__ = ["Ctm", "Span"]

_COARSEST = SAMPLE_RATE // 100
"""Samples: times printed to two digits miss one another by this much."""


@dataclass(frozen=True)
class Span:
    """One line: its number, the symbol, begin and end in samples at 16 kHz."""

    line: int
    symbol: str
    begin: int
    end: int


class Ctm:
    """A CTM file: lines "utterance channel begin duration symbol", in seconds; more fields are passed over.

    Lines of one utterance may stand anywhere and in any order; only where they stand is kept in memory.
    Error: there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # utterance -> (offset, bytes, number of the first line) of every run of its lines
        self._runs: dict[str, list[tuple[int, int, int]]] = {}
        if not path.is_file():
            remedy = "correct the name (readers.kaldi.ctm, readers.kaldi.words), or leave it empty"
            raise InputError("no such file", path, remedy)
        try:
            with path.open("rb") as file:
                self._index(file)
        except OSError as error:
            raise InputError(error.strerror or str(error), path, "check the file") from None

    def _index(self, file: BinaryIO) -> None:
        offset, last = 0, None
        for number, line in enumerate(file, start=1):
            fields = line.split(maxsplit=1)
            name = fields[0].decode("utf-8", errors="backslashreplace") if fields else None
            if name is not None and not name.startswith(";;"):
                runs = self._runs.setdefault(name, [])
                if name == last:
                    start, length, first = runs[-1]
                    runs[-1] = (start, length + len(line), first)
                else:
                    runs.append((offset, len(line), number))
                last = name
            else:
                last = None
            offset += len(line)

    def __contains__(self, utterance: str) -> bool:
        return utterance in self._runs

    def names(self) -> list[str]:
        """All utterances, sorted."""
        return sorted(self._runs)

    def spans(self, utterance: str, samples: int, slack: int, overlap: bool = False) -> list[Span]:
        """The labels of one utterance by their beginning, in samples; none for an utterance not in the file.

        slack: samples by which the last may end after the audio, it is cut there. overlap: whether they may.
        Where one's end and the next one's beginning differ by no more than times so printed can (one unit of
        the last digit, 10 ms at most), the beginning counts for both.
        Fault: malformed, overlapping, after the audio.
        """
        parsed = [self._parse(number, line) for number, line in self._lines(utterance)]
        spans = sorted((span for span, _ in parsed), key=lambda span: (span.begin, span.line))
        if not overlap:
            digits = max((digits for _, digits in parsed), default=0)
            self._join(spans, min(_COARSEST, round(SAMPLE_RATE / 10**digits)))
        for span in spans:
            if span.end > samples + slack or span.begin >= samples:
                place = f"{span.end / SAMPLE_RATE:.3f} s of {samples / SAMPLE_RATE:.3f} s"
                remedy = "copy audio and times again, they do not belong together"
                raise self._fault(
                    span.line, "labels end after the audio", f"{span.symbol} ends at {place}", remedy
                )
        return [replace(span, end=min(span.end, samples)) for span in spans]

    def _join(self, spans: list[Span], unit: int) -> None:
        """Let neighbours meet; Fault: they overlap."""
        for i, after in enumerate(spans[1:]):
            span = spans[i]
            if abs(after.begin - span.end) <= unit and after.begin > span.begin:
                spans[i] = replace(span, end=after.begin)
            elif after.begin < span.end:
                begin, end = after.begin / SAMPLE_RATE, span.end / SAMPLE_RATE
                what = f"{after.symbol} begins at {begin:.4f} s, before {end:.4f} s"
                raise self._fault(after.line, "labels overlap", what, "correct the times")

    def _lines(self, utterance: str) -> Iterator[tuple[int, bytes]]:
        with self.path.open("rb") as file:
            for offset, length, first in self._runs.get(utterance, []):
                file.seek(offset)
                yield from enumerate(file.read(length).removesuffix(b"\n").split(b"\n"), start=first)

    def _parse(self, number: int, raw: bytes) -> tuple[Span, int]:
        """One line, and how many digits its times have after the point."""
        line = raw.decode("utf-8", errors="backslashreplace")
        if line.encode() != raw:
            raise self._fault(number, "a line is not UTF-8", repr(printable(line)[:120]), "convert it: iconv")
        fields = line.split()
        begin, duration = map(seconds, fields[2:4]) if len(fields) >= 5 else (None, None)
        if begin is None or duration is None or not fields[4].isprintable():
            what = repr(printable(line)[:120])
            remedy = "write: utterance channel begin duration symbol, in seconds"
            raise self._fault(number, "a label line is malformed", what, remedy)
        span = Span(number, fields[4], round(begin * SAMPLE_RATE), round((begin + duration) * SAMPLE_RATE))
        if span.end <= span.begin:
            what = f"{span.symbol} lasts {fields[3]} s"
            raise self._fault(number, "a label has no length", what, "correct the times")
        return span, max(len(field.partition(".")[2]) for field in fields[2:4])

    def _fault(self, number: int, reason: str, what: str, remedy: str) -> Fault:
        return Fault(reason, self.path, f"line {number}: {what}", remedy)
