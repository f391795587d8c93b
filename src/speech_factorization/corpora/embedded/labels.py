"""From espeak-ng's phone events and sound to TIMIT's symbols with exact times.

The events tell where the synthesiser goes on to the next phone, which is not always where a phonetician would
cut; `spans` mends, from the sound itself, before any noise is added to it: closures, voiced releases,
post-vocalic l, vowels after nasals, gaps between words. All times here are samples at 22 050 Hz.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["ENGINE_RATE", "Event", "Span", "spans", "words"]

ENGINE_RATE = 22_050

Event = tuple[int, int, int, str]
"""Type, sample, position in the text (from 1), phone mnemonic."""

PHONEME_EVENT = 7
PAUSE, GAP = "pau", "epi"
CLOSURES = {"p": "pcl", "t": "tcl", "k": "kcl", "b": "bcl", "d": "dcl", "g": "gcl", "ch": "tcl", "jh": "dcl"}
VOICED = {"b", "d", "g", "jh"}
NASALS = {"m", "n", "ng", "en", "em"}
VOWELS = {
    "iy",
    "ih",
    "ix",
    "eh",
    "ey",
    "ae",
    "ay",
    "aa",
    "aw",
    "ah",
    "ao",
    "oy",
    "ow",
    "uh",
    "uw",
    "er",
    "axr",
    "ax",
}

MILLISECOND = ENGINE_RATE / 1000
LEAST_PAUSE = round(25 * MILLISECOND)
LEAST_CLOSURE = round(3 * MILLISECOND)
BURST_WINDOW = round(4 * MILLISECOND)
ORAL_WINDOW = round(10 * MILLISECOND)  # a period of the lowest voice, nearly
LEAST_L = round(25 * MILLISECOND)
L_SHARE = 0.4  # of the vowel and the l after it
R_SHARE = 0.4  # of a vowel that the engine speaks as one with the r (or schwa) after it


@dataclass(frozen=True)
class Span:
    """One label; `word` is the place of its word in the text (from 1), 0 for silence."""

    symbol: str
    begin: int
    end: int
    word: int = 0


def spans(sound: NDArray[np.int16], events: Sequence[Event]) -> list[Span]:
    """The labels of one utterance, each touching the next, from its first phone to its last.

    sound: [samples] as espeak-ng gives it.
    Errors: a mnemonic that symbols.csv does not know, no phone at all.
    """
    energy = _high_energy(sound)
    labels = _phones(events, len(sound))
    labels = _silences(labels, sound)
    labels = _releases(labels, energy)
    labels = _vocalic_l(labels)
    labels = _oral_releases(labels, energy)
    labels = _without_edges(_single_symbols(labels))
    for label, follower in zip(labels, [*labels[1:], None], strict=True):
        if label.begin >= label.end or (follower and label.end != follower.begin):
            raise RuntimeError(f"label {label} is empty or does not touch {follower}")
    return labels


def words(labels: Sequence[Span], text: str) -> list[tuple[str, int, int]]:
    """Each word of `text` in lower case with its begin and end; a word without phones is an error."""
    found = []
    for word in re.finditer(r"[A-Za-z']+", text):
        own = [label for label in labels if word.start() < label.word <= word.end()]
        if not own:
            raise InputError(
                f"espeak-ng speaks {word.group()!r} as a part of another word",
                f"sentence {text!r}",
                "choose other words",
            )
        found.append((word.group().lower(), own[0].begin, own[-1].end))
    return found


@cache
def _symbols() -> dict[str, str]:
    """Mnemonic -> TIMIT's symbol, or two symbols for a vowel that holds the r or schwa after it."""
    text = (resources.files(__package__) / "symbols.csv").read_text(encoding="utf-8")
    return {row["mnemonic"]: row["symbols"] for row in csv.DictReader(text.splitlines())}


def _phones(events: Sequence[Event], samples: int) -> list[Span]:
    """Phone events as spans that touch; pauses are joined, the shortest go to the phone before."""
    starts = [event for event in events if event[0] == PHONEME_EVENT]
    ends = [sample for _, sample, _, _ in starts[1:]] + [samples]
    labels: list[Span] = []
    for (_, begin, word, mnemonic), end in zip(starts, ends, strict=True):
        if mnemonic.startswith("_"):
            short = end - begin < LEAST_PAUSE and end < samples
            if labels and (short or labels[-1].symbol == PAUSE):
                labels[-1] = replace(labels[-1], end=end)
            else:
                labels.append(Span(PAUSE, begin, end))
            continue
        mnemonic = mnemonic.lstrip("',")  # stress marks
        symbol = _symbols().get(mnemonic)
        if symbol is None:
            what = f"espeak-ng phone {mnemonic!r} has no TIMIT symbol"
            raise InputError(what, "symbols.csv", "add it there")
        labels.append(Span(symbol, begin, end, word))
    if not any(label.word for label in labels):
        raise InputError("espeak-ng spoke no phone", "embedded corpus", "give the sentence words")
    return labels


def _silences(labels: Sequence[Span], sound: NDArray[np.int16]) -> list[Span]:
    """Exact zeros before a stop are its closure, before a pause part of it, before others a gap if long."""
    loud = np.flatnonzero(sound)
    mended: list[Span] = []
    for label in labels:
        before = mended[-1] if mended else None
        if before is not None and before.symbol != PAUSE:
            last = int(np.searchsorted(loud, label.begin)) - 1
            silent_from = max(before.begin, int(loud[last]) + 1 if last >= 0 else 0)
            silence = label.begin - silent_from
            if label.symbol == PAUSE:
                mended[-1], label = replace(before, end=silent_from), replace(label, begin=silent_from)
            elif label.symbol in CLOSURES and silence >= LEAST_CLOSURE:
                mended[-1] = replace(before, end=silent_from)
                mended.append(Span(CLOSURES[label.symbol], silent_from, label.begin, label.word))
            elif label.symbol not in CLOSURES and silence >= LEAST_PAUSE:
                mended[-1] = replace(before, end=silent_from)
                mended.append(Span(GAP, silent_from, label.begin))
        mended.append(label)
    return mended


def _high_energy(sound: NDArray[np.int16]) -> NDArray[np.float64]:
    """[samples + 1] the energy of the twice pre-emphasised sound, summed from the beginning."""
    high = np.diff(sound.astype(np.float64), n=2, prepend=[0.0, 0.0])
    return np.concatenate([[0.0], np.cumsum(high**2)])


def _rise(energy: NDArray[np.float64], first: int, last: int, window: int) -> int:
    """Where in [first, last] the high-frequency energy rises most: `window` samples after against before.

    As a ratio, with a floor of 0.1 % of the loudest window: the ripple within a closure does not count.
    """
    places = np.arange(first, last + 1)
    after = energy[np.minimum(places + window, len(energy) - 1)] - energy[places]
    before = energy[places] - energy[np.maximum(places - window, 0)]
    floor = 1e-3 * max(after.max(), before.max(), 1.0)
    return int(places[np.argmax((after + floor) / (before + floor))])


def _releases(labels: Sequence[Span], energy: NDArray[np.float64]) -> list[Span]:
    """Cut b d g jh where they burst: what lies before is voiced closure."""
    mended: list[Span] = []
    for label in labels:
        if label.symbol not in VOICED:
            mended.append(label)
            continue
        # The window ends within the event: a fricative that follows must not pass for the burst.
        last = max(label.begin, label.end - BURST_WINDOW)
        burst = _rise(energy, label.begin, last, BURST_WINDOW)
        closure = CLOSURES[label.symbol]
        if burst - label.begin >= LEAST_CLOSURE:
            if mended and mended[-1].symbol == closure and mended[-1].word == label.word:
                mended[-1] = replace(mended[-1], end=burst)
            else:
                mended.append(Span(closure, label.begin, burst, label.word))
            label = replace(label, begin=burst)
        mended.append(label)
    return mended


def _vocalic_l(labels: Sequence[Span]) -> list[Span]:
    """Give an l that the engine hides in the vowel before it its share of the two."""
    mended = list(labels)
    for place in range(1, len(mended)):
        vowel, lateral = mended[place - 1], mended[place]
        hidden = lateral.symbol == "l" and lateral.end - lateral.begin < LEAST_L
        if hidden and vowel.symbol.split()[-1] in VOWELS:
            cut = round(lateral.end - L_SHARE * (lateral.end - vowel.begin))
            mended[place - 1 : place + 1] = [replace(vowel, end=cut), replace(lateral, begin=cut)]
    return mended


def _oral_releases(labels: Sequence[Span], energy: NDArray[np.float64]) -> list[Span]:
    """Begin a vowel after a nasal where the mouth opens; the event comes one transition late."""
    mended = list(labels)
    for place in range(1, len(mended)):
        nasal, vowel = mended[place - 1], mended[place]
        if nasal.symbol in NASALS and vowel.symbol.split()[0] in VOWELS:
            first = max(nasal.begin + round(15 * MILLISECOND), nasal.end - round(60 * MILLISECOND))
            release = _rise(energy, first, nasal.end, ORAL_WINDOW)
            mended[place - 1 : place + 1] = [replace(nasal, end=release), replace(vowel, begin=release)]
    return mended


def _single_symbols(labels: Sequence[Span]) -> list[Span]:
    """Cut spans of two symbols; an r that the next phone already is, is not written twice."""
    mended = []
    for place, label in enumerate(labels):
        first, *second = label.symbol.split()
        follows = labels[place + 1].symbol if place + 1 < len(labels) else ""
        if second and second != [follows]:
            cut = round(label.end - R_SHARE * (label.end - label.begin))
            mended.append(replace(label, symbol=first, end=cut))
            mended.append(replace(label, symbol=second[0], begin=cut))
        else:
            mended.append(replace(label, symbol=first))
    return mended


def _without_edges(labels: Sequence[Span]) -> list[Span]:
    """Without the silence before the first phone and after the last."""
    spoken = [place for place, label in enumerate(labels) if label.word]
    return list(labels[spoken[0] : spoken[-1] + 1])
