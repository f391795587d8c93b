"""ESPS xlabel files as EmoDB has them: each line is the time at which a phone BEGINS.

After a line '#', each line is: seconds, a colour, a label, remarks. A line without a label, or whose label
starts with + - ( or [, marks a voice quality that begins or ends inside the phone before it: the phone goes
on. The label '.' is the end of speech.
"""

import math
import re
from pathlib import Path

from speech_factorization.corpora.base import SAMPLE_RATE, Label
from speech_factorization.corpora.faults import Fault, read_lines

__all__ = ["SILENCE", "read_xlabel"]

SILENCE = "sil"
"""The symbol given to what lies before the first phone and after the end of speech."""

_SHORTEST = SAMPLE_RATE // 50
"""Samples: what an edge of the audio leaves of a silence or a phone under 20 ms gets no label."""

_LINE = re.compile(r"\s*(\S+)\s+(-?\d+)(?:\s+(.*))?$")
_SYMBOL = re.compile(r"[^\s+\-(\[]+")
_STOPS = frozenset("ptkbdg")

# Qualities whose sign was left out; a phone's symbol is never one of them.
_QUALITIES = frozenset({"asp", "beh", "eng", "flu", "hoe", "lar", "lat", "nas", "sth", "tie", "vor", "zen"})


def read_xlabel(path: Path, samples: int) -> tuple[tuple[Label, ...], Fault | None]:
    """The labels of one file over audio of so many samples, and the fault where some or all of them are lost.

    Labels that begin after the audio are left out, the one its end cuts through is clipped, and the fault
    counts both. Any other fault (missing, empty, no phone, a malformed line, times that run backwards, no end
    of speech) loses all labels of the file.
    """
    try:
        begins, symbols, lines = _phones(path)
    except Fault as whole:
        return (), whole
    edges = [round(begin * SAMPLE_RATE) for begin in begins]
    spans = list(zip(symbols[:-1], edges[:-1], edges[1:], strict=True))
    kept = [
        Label(symbol, begin, min(end, samples))
        for symbol, begin, end in spans
        if end <= samples or samples - begin >= _SHORTEST
    ]
    fault = None
    if edges[-1] > samples:
        late = sum(edge > samples for edge in edges[1:])
        fault = Fault(
            "labels end after the audio",
            path,
            f"line {lines[-late]}: {late} of {len(spans)} labels end after {samples / SAMPLE_RATE:.3f} s",
            "use the uncut recording; the labels before its end are kept",
        )
    elif samples - edges[-1] >= _SHORTEST:
        kept.append(Label(SILENCE, edges[-1], samples))
    if kept and edges[0] >= _SHORTEST:
        kept.insert(0, Label(SILENCE, 0, edges[0]))
    return tuple(kept), fault


def _phones(path: Path) -> tuple[list[float], list[str], list[int]]:
    """Beginnings in seconds, symbols and line numbers of all phones; the last is the end of speech, '.'."""
    begins: list[float] = []
    symbols: list[str] = []
    lines: list[int] = []
    for number, line in _body(path):
        match = _LINE.match(line)
        begin = _seconds(match[1]) if match else None
        if match is None or begin is None:
            raise Fault(
                "a label line is malformed",
                path,
                f"line {number}: {line.strip()!r}",
                "write: seconds -1 label",
            )
        symbol = _SYMBOL.match(match[3] or "")
        if symbol is None or symbol[0] in _QUALITIES:
            continue
        if begin < 0 or (begins and begin <= begins[-1]):
            before = f" does not come after {begins[-1]} s" if begins else " lies before the audio"
            raise Fault(
                "labels run backwards", path, f"line {number}: {begin} s{before}", "set the lines in order"
            )
        if symbols and symbols[-1] == ".":
            raise Fault(
                "a label follows the end of speech",
                path,
                f"line {number}: {symbol[0]}",
                "remove the '.' before it",
            )
        begins.append(begin)
        symbols.append(_complete(symbol[0], symbols[-1] if symbols else ""))
        lines.append(number)
    if len(symbols) < 2:
        raise Fault(
            "the label file is empty",
            path,
            "no phone in it",
            "label it, or use it where no labels are needed",
        )
    if symbols[-1] != ".":
        raise Fault(
            "the end of speech is not marked", path, f"line {lines[-1]}", "end the file with: seconds -1 ."
        )
    return begins, symbols, lines


def _body(path: Path) -> list[tuple[int, str]]:
    """The lines after '#', numbered, without blank ones."""
    lines = read_lines(path)
    header = next((i for i, (_, line) in enumerate(lines) if line == "#"), len(lines))
    return lines[header + 1 :]


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _complete(symbol: str, before: str) -> str:
    """A bare '!' is the release of the stop before it: '!' after 't' or '_t' is '!t'."""
    stop = before.strip("_!").removesuffix("asp")
    return f"!{stop}" if symbol == "!" and stop in _STOPS else symbol
