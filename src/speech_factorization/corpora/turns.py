"""What a TextGrid with tiers of words and of phones says: who speaks when, and the labels of each turn."""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from speech_factorization.corpora.base import SAMPLE_RATE, Label, Word
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.praat import Grid, Interval, Tier

__all__ = ["SILENCE", "WORDS", "Track", "Turn", "find_tracks", "find_turns", "is_silence"]

SILENCE = "sil"
"""The symbol that every name of silence becomes."""

WORDS = "words"
"""What a tier of words is called where nobody says otherwise; there need not be one."""

_SILENCES = ("", "sil", "sp", "silence", "<sil>", "<eps>")
_SLACK = 1e-6  # seconds


def is_silence(text: str) -> bool:
    """Whether a label says that nothing is said, in either case; `spn` is speech that nobody made out."""
    return text.casefold() in _SILENCES


@dataclass(frozen=True)
class Turn:
    """What one speaker says without a long pause, or a whole recording.

    begin, end: where it is cut, in seconds, with some silence around; of a whole recording 0 and infinity.
    line: of its first label in the file. overlaps: somebody else speaks in it.
    """

    track: int
    begin: float
    end: float
    line: int
    text: str
    overlaps: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is cut."""
        return math.isinf(self.end)


@dataclass(frozen=True)
class Track:
    """One speaker's tiers; speaker: empty where the tiers do not name one."""

    path: Path
    speaker: str
    phones: Tier
    words: Tier | None

    def speech(self) -> list[Interval]:
        """Everything said, words and phones, by beginning."""
        both = (*self.phones.intervals, *(self.words.intervals if self.words else ()))
        return sorted((one for one in both if not is_silence(one.text)), key=lambda one: (one.begin, one.end))

    def text(self, begin: float, end: float) -> str:
        """The words that lie in a stretch of time."""
        words = self.words.intervals if self.words else ()
        inside = takewhile(lambda one: one.end <= end, words[bisect_left(words, begin, key=_begin) :])
        return " ".join(one.text for one in inside if not is_silence(one.text))

    def labels(self, turn: Turn, samples: int, slack: int) -> tuple[Label, ...]:
        """The phones of a turn whose audio has so many samples; times from the turn's beginning.

        Every silence is `sil`. slack: samples by which speech may end after the audio, to which it is cut.
        Fault: no phone in it, one that has no length, one that ends after the audio.
        """
        spans = self._spans(self.phones, turn, samples, slack)
        labels = [Label(SILENCE if is_silence(text) else text, begin, end) for text, begin, end in spans]
        if all(label.symbol == SILENCE for label in labels):
            raise _no_phone(self)
        return tuple(labels)

    def spoken(self, turn: Turn, samples: int, slack: int) -> tuple[Word, ...]:
        """The words, as `labels`, without silences."""
        spans = self._spans(self.words, turn, samples, slack) if self.words else []
        return tuple(Word(*span) for span in spans if not is_silence(span[0]))

    def _spans(self, tier: Tier, turn: Turn, samples: int, slack: int) -> list[tuple[str, int, int]]:
        """Text, begin and end of each interval that lies in the turn, or reaches into it."""
        offset, last = round(turn.begin * SAMPLE_RATE), 0
        first = bisect_right(tier.intervals, turn.begin, key=_end)
        spans: list[tuple[str, int, int]] = []
        for one in tier.intervals[first:]:
            if one.begin >= turn.end:
                break
            begin = max(round(one.begin * SAMPLE_RATE) - offset, last)
            end = round(one.end * SAMPLE_RATE) - offset
            silent = is_silence(one.text)
            if not silent and (end > samples + slack or begin >= samples):
                place = f"line {one.line}: {one.text} ends at {end / SAMPLE_RATE:.3f} s"
                raise Fault(
                    "labels end after the audio",
                    self.path,
                    f"{place} of {samples / SAMPLE_RATE:.3f} s",
                    "copy sound and labels again, they do not belong together",
                )
            end = min(end, samples)
            if begin < end:
                spans.append((one.text, begin, end))
            elif not silent:
                place = f"line {one.line}: {one.text} from {one.begin} s to {one.end} s"
                raise Fault("a label is shorter than a sample", self.path, place, "correct the times")
            last = max(last, end)
        return spans


def find_tracks(path: Path, grid: Grid, words: str, phones: str) -> list[Track]:
    """The speakers of a grid: tiers named `words` and `phones` (in either case), or "SPEAKER - words".

    Fault: no tier of phones, two of one name, points where intervals have to be, times before 0; no tier of words
    of one speaker where another has one, or of nobody where `words` is a name somebody chose.
    """
    if abs(grid.begin) > _SLACK:
        remedy = "in Praat: Shift times to: start time, 0"
        raise Fault("the TextGrid does not begin at 0", path, f"it begins at {grid.begin} s", remedy)
    found: dict[str, dict[str, Tier]] = {}
    for tier in grid.tiers:
        for kind, name in (("words", words), ("phones", phones)):
            match = re.fullmatch(rf"(?:(.*\S) - )?{re.escape(name)}", tier.name, re.IGNORECASE)
            if match is None:
                continue
            place = f"line {tier.line}: {tier.name!r}"
            if tier.of_points:
                raise Fault("a tier of phones or words has points", path, place, "label intervals")
            if found.setdefault(match[1] or "", {}).setdefault(kind, tier) is not tier:
                raise Fault("two tiers have one name", path, place, "rename one of them")
            if tier.intervals and tier.intervals[0].begin < -_SLACK:
                raise Fault("times before 0", path, f"line {tier.intervals[0].line}", "correct the times")
    lacking = [speaker for speaker, tiers in found.items() if "phones" not in tiers]
    if lacking or not found:
        raise _no_tier("phones", phones, path, grid, lacking)
    # Without its words an utterance would have no text, and the split would keep none of a text on one side.
    lacking = [speaker for speaker, tiers in found.items() if "words" not in tiers]
    if lacking and (len(lacking) < len(found) or words != WORDS):
        raise _no_tier("words", words, path, grid, lacking)
    return [Track(path, speaker, own["phones"], own.get("words")) for speaker, own in found.items()]


def _no_tier(kind: str, name: str, path: Path, grid: Grid, lacking: Sequence[str]) -> Fault:
    there = ", ".join(repr(tier.name) for tier in grid.tiers[:8]) or "none"
    place = f"tiers: {there}" + (f"; none for {lacking[0]}" if lacking and lacking[0] else "")
    remedy = f"name it {name!r}, or say its name in readers.textgrid.{kind}"
    return Fault(f"no tier of {kind}", path, place, remedy)


def find_turns(tracks: Sequence[Track], end: float, longest: float, pause: float) -> list[Turn]:
    """What is said, by beginning: one turn for a recording of one speaker and at most `longest` seconds.

    Else the cuts are made in pauses of at least `pause` seconds, half of which at most stays on each side,
    and nothing that another says. end: of the grid. Fault: nobody says anything.
    """
    if not any(track.speech() for track in tracks):
        raise _no_phone(tracks[0])
    if len(tracks) == 1 and end <= longest:
        return [Turn(0, 0.0, math.inf, tracks[0].speech()[0].line, tracks[0].text(0.0, math.inf))]
    speech = [track.speech() for track in tracks]
    turns: list[Turn] = []
    for number, track in enumerate(tracks):
        others = sorted((one for i, own in enumerate(speech) if i != number for one in own), key=_begin)
        heard = _stretches(others, _SLACK)
        for first, begin, stop in _stretches(speech[number], pause):
            place = bisect_right(heard, begin, key=lambda other: other[2])
            overlaps = place < len(heard) and heard[place][1] < stop
            after = bisect_left(heard, stop, key=lambda other: other[1])
            lower = heard[place - 1][2] if place else 0.0
            upper = heard[after][1] if after < len(heard) else end
            # Whole milliseconds: they name the turn, and most rates have samples there.
            cut = math.floor(1000 * max(lower, begin - pause / 2, 0.0) + _SLACK) / 1000
            over = math.ceil(1000 * max(stop, min(upper, stop + pause / 2)) - _SLACK) / 1000
            turns.append(Turn(number, cut, over, first.line, track.text(begin, stop), overlaps))
    return sorted(turns, key=lambda turn: (turn.begin, turn.track))


def _stretches(speech: Sequence[Interval], pause: float) -> list[tuple[Interval, float, float]]:
    """First label, begin and end of everything that is said without such a pause."""
    found: list[tuple[Interval, float, float]] = []
    for one in speech:
        if found and one.begin - found[-1][2] < pause:
            first, begin, end = found[-1]
            found[-1] = first, begin, max(end, one.end)
        else:
            found.append((one, one.begin, one.end))
    return found


def _begin(one: Interval) -> float:
    return one.begin


def _end(one: Interval) -> float:
    return one.end


def _no_phone(track: Track) -> Fault:
    remedy = "label it, or use it where no labels are needed"
    return Fault("the label file is empty", track.path, f"no phone in tier {track.phones.name!r}", remedy)
