"""Pitch conversion: an utterance's units in its own voice, with another F0.

`flatten`: every voiced frame at the speaker's mean; `shift`: so many semitones up and as many down, both counted
together; `swap`: the contour of another utterance of the same speaker, stretched to this one's length. The voicing
stays. `reconstruction`: F0 as it was, the least error there can be.

vde, gpe, ffe and f0_rmse_cents are of F0 tracked in the output against the contour that was asked for, all frames
together. vde_original and ffe_original are against the original's contour, as published (Polyak et al., Interspeech
2021): there, for `flatten`, more is better, since an output that still has the old contour has no control over it.
correlation_original says how much of it is left: log F0's, mean over utterances, 0 where the output does not vary.
spread_semitones: standard deviation of log F0 of the voiced frames, mean over utterances (0: flat). reached_semitones,
of `shift`: median difference of F0 between output and original, counted the way it was asked for. phone_error: of the
phone judge at the source's segments; cosine: of the judges' verification network to other real utterances of the
speaker, since a voice is to stay the same at another height.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.conversion_figures import stacked
from speech_factorization.evaluation.material import Material, Row, decoded, needs
from speech_factorization.evaluation.metrics import pitch
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.sounds import audible
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.prosody import (
    SEMITONE,
    flattened,
    flattened_codes,
    moved,
    shifted,
    shifted_codes,
    swapped,
    with_contour,
)

__all__ = ["needs", "run"]

SEED = 32
ASKED = ("vde", "gpe", "ffe", "f0_rmse_cents")

F0 = NDArray[np.float32]


@dataclass(frozen=True)
class Made:
    """A sound with another F0. asked: the contour it should have; direction: +1, -1 of a shift, else 0."""

    asked: F0
    wave: NDArray[np.float32]
    direction: int = 0


def run(model: Any, material: Material, seed: int, limit: int = 16, semitones: float = 4.0) -> Outcome:
    """pitch_conversion -> reconstruction | flatten | shift | swap -> numbers.

    At most `limit` utterances (0: all); without a voiced frame there is no pitch to change, so such are left out.
    The figure `pitch_conversion` and the sounds are of the first.
    Errors: InputError where there is none.
    """
    sources = [row for row in material.sources(limit) if (material.contour(row.utterance) > 0).any()]
    if not sources:
        raise InputError("no utterance with a voiced frame", remedy="check the split and the F0 tracker")
    rows: dict[str, list[dict[str, Any]]] = {}
    figures: dict[str, Figure] = {}
    sounds: dict[str, NDArray[np.float32]] = {}
    for row in sources:
        made = dict(_made(model, material, row, seed, semitones))
        for name, found in made.items():
            rows.setdefault(name, []).extend(_heard(material, row, one) for one in found)
        if not figures:
            shown = {"source": material.wave(row.utterance)}
            shown |= {_title(name, one): one.wave for name, found in made.items() for one in found}
            tracked = {name: material.listener.track(wave) for name, wave in shown.items()}
            figures["pitch_conversion"] = stacked(shown, tracked)
            waves = {f"pitch_{name.replace(' ', '_')}": torch.from_numpy(w) for name, w in shown.items()}
            sounds = audible(waves, "pitch_source")
    numbers: dict[str, Any] = {"utterances": len(sources)}
    numbers |= {name: _numbers(found) for name, found in rows.items()}
    numbers["shift"]["semitones"] = float(semitones)
    return Outcome({"pitch_conversion": numbers}, figures, sounds)


def _made(
    model: Any, material: Material, row: Row, seed: int, semitones: float
) -> Iterator[tuple[str, list[Made]]]:
    """What is asked for -> the sounds that are made for it."""
    f0 = material.contour(row.utterance)
    with torch.no_grad():
        wave = torch.from_numpy(np.array(material.wave(row.utterance)))
        codes: Codes = model.encode(wave, material.statistics.of(row.speaker))
        yield "reconstruction", [Made(f0, decoded(model, codes))]
        flat = decoded(model, flattened_codes(model, codes, f0))
        yield "flatten", [Made(flattened(f0, codes.statistics), flat)]
        shifts = []
        for direction in (1, -1):
            steps = direction * semitones
            changed = decoded(model, shifted_codes(model, codes, f0, steps))
            shifts.append(Made(shifted(f0, steps), changed, direction))
        yield "shift", shifts
        other = swapped(f0, _other(material, row, seed))
        yield "swap", [Made(other, decoded(model, with_contour(model, codes, other)))]


def _other(material: Material, row: Row, seed: int) -> F0:
    """The contour of another utterance, drawn: the same speaker's, else another's moved to this speaker's F0.

    The utterance's own backwards in time, where there is no other at all.
    """
    table = material.table
    there = table[(table["speaker_split"] == material.scored) & (table["utterance"] != row.utterance)]
    own = there[there["speaker"] == row.speaker]
    rng = np.random.default_rng([seed, SEED, *row.utterance.encode()])
    chosen = own if len(own) else there
    if not len(chosen):
        return material.contour(row.utterance)[::-1]
    one = chosen.sort_values("utterance").iloc[int(rng.integers(len(chosen)))]
    contour = material.contour(str(one["utterance"]))
    return moved(contour, material.statistics.of(str(one["speaker"])), material.statistics.of(row.speaker))


def _heard(material: Material, row: Row, made: Made) -> dict[str, Any]:
    """What judges and tracker say of a sound."""
    listener = material.listener
    original, tracked = material.contour(row.utterance), listener.track(made.wave)
    both = (original > 0) & (tracked > 0)
    steps = np.log(tracked[both] / original[both]) / SEMITONE
    return {
        "asked": made.asked,
        "correlation": pitch.evaluate(original, tracked).get("log_f0_correlation", 0.0),
        "original": original,
        "tracked": tracked,
        "errors": listener.phones(made.wave, row.utterance),
        "cosines": material.likeness(listener.voice(made.wave), row.speaker, row),
        "spread": np.std(np.log(tracked[tracked > 0])) / SEMITONE if (tracked > 0).any() else 0.0,
        "reached": [made.direction * float(np.median(steps))] if made.direction and len(steps) else [],
    }


def _numbers(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    asked, original, tracked, errors, cosines = (
        np.concatenate([one[name] for one in found])
        for name in ("asked", "original", "tracked", "errors", "cosines")
    )
    to_asked, to_original = pitch.evaluate(asked, tracked), pitch.evaluate(original, tracked)
    numbers: dict[str, Any] = {"sounds": len(found)}
    numbers |= {name: to_asked[name] for name in ASKED if name in to_asked}
    numbers |= {f"{name}_original": to_original[name] for name in ("vde", "ffe")}
    numbers["correlation_original"] = float(np.mean([one["correlation"] for one in found]))
    numbers["spread_semitones"] = float(np.mean([one["spread"] for one in found]))
    reached = [step for one in found for step in one["reached"]]
    if reached:
        numbers["reached_semitones"] = float(np.mean(reached))
    if len(errors):
        numbers["phone_error"] = float(errors.mean())
    if len(cosines):
        numbers["cosine"] = float(cosines.mean())
    return numbers


def _title(name: str, made: Made) -> str:
    return f"{name} {'up' if made.direction > 0 else 'down'}" if made.direction else name
