"""Mean and standard deviation of log F0, by speaker: keyed by name, with the whole corpus's for names unknown."""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.files import new_file

__all__ = ["PitchStatistics", "Statistics", "of_f0"]

LEAST_STD = 0.02
"""A third of a semitone: a voice is never normalised by less, however monotonous or short it is."""

LEAST_FRAMES = 5
"""Voiced frames under which a recording says nothing of its speaker's F0 (25 ms)."""

_GLOBAL = ""
_COLUMNS = ("speaker", "frames", "mean", "std")

F0 = NDArray[np.floating]


@dataclass(frozen=True)
class Statistics:
    """Of log F0 (natural logarithm of Hz) over voiced frames."""

    mean: float
    std: float

    @property
    def hertz(self) -> float:
        """The F0 of the mean."""
        return math.exp(self.mean)


@dataclass(frozen=True)
class _Sums:
    """Of log F0: how many values, their sum and that of their squares; one after the other or at once."""

    frames: int = 0
    total: float = 0.0
    squares: float = 0.0

    def statistics(self) -> Statistics:
        mean = self.total / self.frames
        variance = max(self.squares / self.frames - mean * mean, 0.0)
        return Statistics(mean, max(math.sqrt(variance), LEAST_STD))


def _sums(f0: F0) -> _Sums:
    voiced = np.log(np.asarray(f0, np.float64)[np.asarray(f0) > 0])
    return _Sums(len(voiced), float(voiced.sum()), float(np.square(voiced).sum()))


def of_f0(f0: F0) -> Statistics | None:
    """Of one recording, F0 [T] in Hz, 0 where unvoiced; None with hardly a voiced frame (whispered, silent)."""
    sums = _sums(f0)
    return sums.statistics() if sums.frames >= LEAST_FRAMES else None


class PitchStatistics:
    """Speaker -> Statistics, and those of all speakers together.

    Nothing is keyed by position: the order of recordings or speakers changes nothing.
    """

    def __init__(
        self, everyone: Statistics, speakers: Mapping[str, Statistics], frames: Mapping[str, int]
    ) -> None:
        self.everyone = everyone
        self.speakers = dict(sorted(speakers.items()))
        self.frames = dict(sorted(frames.items()))

    def of(self, speaker: str) -> Statistics:
        """This speaker's; of a name unknown, or of one that was never heard voiced, everyone's."""
        return self.speakers.get(speaker, self.everyone)

    @classmethod
    def fit(
        cls, recordings: Iterable[tuple[str, F0]], everyone: Iterable[str] | None = None
    ) -> "PitchStatistics":
        """From (speaker, F0 [T] in Hz) of every recording.

        everyone: the speakers that count for a name unknown (those a model learns from); None: all of them.
        Errors: not one voiced frame.
        """
        parts: dict[str, list[_Sums]] = {}
        for speaker, f0 in recordings:
            if speaker == _GLOBAL:
                raise InputError("a recording without a speaker's name", remedy="name its speaker")
            parts.setdefault(speaker, []).append(_sums(f0))
        sums = {speaker: _exact(parts[speaker]) for speaker in sorted(parts)}
        of_all = sums.keys() if everyone is None else sums.keys() & set(everyone)
        total = _exact([sums[speaker] for speaker in sorted(of_all)])
        if total.frames < LEAST_FRAMES:
            raise InputError("hardly a frame of these recordings is voiced", "pitch", "use voiced speech")
        known = {speaker: s for speaker, s in sums.items() if s.frames >= LEAST_FRAMES}
        return cls(
            total.statistics(),
            {speaker: s.statistics() for speaker, s in known.items()},
            {_GLOBAL: total.frames} | {speaker: s.frames for speaker, s in known.items()},
        )

    def write_csv(self, path: Path) -> None:
        """speaker, frames, mean, std (of ln Hz, 9 digits); the row without a name is everyone's."""
        rows = {_GLOBAL: self.everyone} | self.speakers
        with new_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for speaker, s in rows.items():
                writer.writerow([speaker, self.frames[speaker], format(s.mean, ".9g"), format(s.std, ".9g")])

    @classmethod
    def read_csv(cls, path: Path) -> "PitchStatistics":
        """What `write_csv` wrote. Errors: no such file, another table, a number out of place."""
        remedy = "run dvc repro pitch"
        if not path.is_file():
            raise InputError("no statistics of F0", path, remedy)
        found, frames = {}, {}
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                try:
                    one = Statistics(float(row["mean"]), float(row["std"]))
                    speaker, count = row["speaker"], int(row["frames"])
                except (KeyError, TypeError, ValueError):
                    raise InputError("no row of F0 statistics", f"{path}:{number}", remedy) from None
                if not (math.isfinite(one.mean) and 0 < one.std < math.inf) or speaker in found:
                    raise InputError("statistics that cannot be, or twice", f"{path}:{number}", remedy)
                found[speaker], frames[speaker] = one, count
        if _GLOBAL not in found:
            raise InputError("the row for everyone is missing", path, remedy)
        return cls(found.pop(_GLOBAL), found, frames)


def _exact(parts: list[_Sums]) -> _Sums:
    """The sum, correctly rounded: it does not depend on the order."""
    return _Sums(
        sum(part.frames for part in parts),
        math.fsum(part.total for part in parts),
        math.fsum(part.squares for part in parts),
    )
