"""Praat's TextGrid files as text: the long and the short form, in UTF-8 or (with a byte-order mark) UTF-16.

Both forms are one language, as Praat itself reads them (manual page "TextGrid file formats"): only numbers,
texts in double quotes and flags in angle brackets count, where they stand free; every other word is there for
people, and `!` begins a comment. Inside a text a quote is written twice. Times are seconds.
"""

from dataclasses import dataclass
from pathlib import Path

from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.praat_tokens import EXPORT, Tokens, shorten

__all__ = ["Grid", "Interval", "Point", "Tier", "read_grid"]

_SLACK = 1e-6
"""Seconds: programs that write decimal times let neighbours miss each other by less."""


@dataclass(frozen=True)
class Interval:
    """A stretch of time with its label, and the line on which it begins in the file."""

    begin: float
    end: float
    text: str
    line: int


@dataclass(frozen=True)
class Point:
    """A moment with its label."""

    time: float
    text: str
    line: int


@dataclass(frozen=True)
class Tier:
    """Intervals or points in order, never both; intervals do not overlap, but may leave gaps."""

    name: str
    begin: float
    end: float
    line: int
    intervals: tuple[Interval, ...] = ()
    points: tuple[Point, ...] = ()
    of_points: bool = False


@dataclass(frozen=True)
class Grid:
    """A TextGrid: its time domain and its tiers, in the file's order."""

    begin: float
    end: float
    tiers: tuple[Tier, ...]


def read_grid(path: Path) -> Grid:
    """A TextGrid file. White space inside a label becomes one space, at its ends none.

    Fault: missing, unreadable, in another encoding, no TextGrid, cut short, malformed, times that run
    backwards or overlap, more in it than it says.
    """
    tokens = Tokens(path)
    kind = tokens.text("type of the file")
    if kind == "Praat chronological TextGrid text file":
        raise Fault("the TextGrid is in the chronological form", path, "line 1", EXPORT)
    if not kind.startswith("ooTextFile") or tokens.text("class of the object") != "TextGrid":
        raise Fault("the file is no TextGrid", path, f"line {tokens.line}", "name a TextGrid, saved as text")
    begin, end, _ = tokens.span("the grid")
    tiers: list[Tier] = []
    if tokens.flag() == "<exists>":
        tiers = [_tier(tokens) for _ in range(tokens.count("tiers"))]
    tokens.finish()
    return Grid(begin, end, tuple(tiers))


def _tier(tokens: Tokens) -> Tier:
    kind, line = tokens.text("class of a tier"), tokens.line
    if kind not in ("IntervalTier", "TextTier"):
        tokens.fail("no such class of tier", shorten(kind))
    name = tokens.text("name of a tier")
    begin, end, _ = tokens.span(f"tier {shorten(name)}")
    if kind == "TextTier":
        points = _points(tokens, tokens.count("points"))
        return Tier(name, begin, end, line, points=points, of_points=True)
    return Tier(name, begin, end, line, intervals=_intervals(tokens, tokens.count("intervals")))


def _intervals(tokens: Tokens, count: int) -> tuple[Interval, ...]:
    intervals: list[Interval] = []
    for number in range(1, count + 1):
        begin, end, line = tokens.span(f"interval {number}")
        if intervals and begin < intervals[-1].end - _SLACK:
            tokens.fail("intervals overlap", f"{begin} s, before {intervals[-1].end} s")
        intervals.append(Interval(begin, end, tokens.text(f"text of interval {number}"), line))
    return tuple(intervals)


def _points(tokens: Tokens, count: int) -> tuple[Point, ...]:
    points: list[Point] = []
    for number in range(1, count + 1):
        time, line = tokens.number(f"time of point {number}"), tokens.line
        if points and time < points[-1].time:
            tokens.fail("times run backwards", f"{time} s after {points[-1].time} s")
        points.append(Point(time, tokens.text(f"text of point {number}"), line))
    return tuple(points)
