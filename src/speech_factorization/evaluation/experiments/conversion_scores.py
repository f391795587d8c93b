"""What is told of sounds offered as a speaker's: the trials of voice conversion, and what is left of phones and F0.

`evaluation.experiments.conversion` says which trials there are and what the figures are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.evaluation.material import Material, Row
from speech_factorization.evaluation.metrics import pitch, verification

__all__ = ["Heard", "Trials", "numbers", "trials"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """A sound offered as `target`'s, made of `source`: what the judges and the tracker say of it.

    errors: whether each phone is misheard; expected, tracked: F0 [T], None of the original.
    """

    source: Row
    target: str
    embedding: NDArray[np.float32]
    errors: NDArray[np.bool_]
    expected: NDArray[np.float32] | None = None
    tracked: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Trials:
    """Cosines of sounds with real utterances: of the target, of anyone else, of the source; whose mean is nearest.

    speakers: among how many the nearest is.
    """

    same: Floats
    different: Floats
    source: Floats
    nearest: tuple[str, ...]
    speakers: int


def trials(material: Material, heard: Sequence[Heard], pool: Sequence[str]) -> Trials:
    """Every sound with real utterances of each speaker of the pool and of its source."""
    same: list[Floats] = [np.zeros(0)]
    different, source = list(same), list(same)
    nearest, speakers = [], 0
    for made in heard:
        names = sorted({*pool, made.source.speaker})
        cosines = {name: material.likeness(made.embedding, name, made.source) for name in names}
        cosines = {name: found for name, found in cosines.items() if len(found)}
        for name, found in cosines.items():
            (same if name == made.target else different).append(found)
        source.append(cosines[made.source.speaker])
        nearest.append(_nearest(material, made, list(cosines)))
        speakers = max(speakers, len(cosines))
    return Trials(
        np.concatenate(same), np.concatenate(different), np.concatenate(source), tuple(nearest), speakers
    )


def numbers(heard: Sequence[Heard], against: Trials) -> dict[str, Any]:
    """The figures of one block; none where there are not trials of both kinds."""
    same, different = against.same, against.different
    if not (len(same) and len(different)):
        return {}
    kinds = np.repeat([True, False], [len(same), len(different)])
    found: dict[str, Any] = {
        "sounds": len(heard),
        "speakers": against.speakers,
        "eer": verification.eer(np.concatenate([same, different]), kinds),
        "cosine": float(same.mean()),
        "nearest_target": _share(against.nearest, [made.target for made in heard]),
    }
    sources = [made.source.speaker for made in heard]
    if sources != [made.target for made in heard]:
        found["cosine_source"] = float(against.source.mean())
        found["nearest_source"] = _share(against.nearest, sources)
    errors = np.concatenate([made.errors for made in heard])
    if len(errors):
        found["phone_error"] = float(errors.mean())
    contours = [(made.expected, made.tracked) for made in heard if made.expected is not None]
    if contours:
        expected, tracked = (np.concatenate(part) for part in zip(*contours, strict=True))
        of_f0 = pitch.evaluate(expected, tracked)
        found |= {name: of_f0[name] for name in ("vde", "gpe", "ffe") if name in of_f0}
    return found


def _share(names: Sequence[str], wanted: Sequence[str]) -> float:
    return float(np.mean([a == b for a, b in zip(names, wanted, strict=True)]))


def _nearest(material: Material, made: Heard, names: Sequence[str]) -> str:
    """Of these speakers the one whose mean of references has the highest cosine with the sound."""
    means = [
        np.mean([material.voice(name) for name in material.references(speaker, made.source)], axis=0)
        for speaker in names
    ]
    cosines = verification.cosines(np.broadcast_to(made.embedding, np.shape(means)), means)
    return names[int(np.argmax(cosines))]
