"""How good the sounds are that a system made of utterances: measures of pairs, of contours, and of the judges."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.evaluation.material import Material, Row
from speech_factorization.evaluation.metrics import pitch, resynthesis, verification, vocoding
from speech_factorization.parallel import in_order

__all__ = ["SIGNAL", "Sound", "scores"]

Wave = NDArray[np.float32]

SIGNAL = ("pesq_wb", "stoi", "estoi")


@dataclass(frozen=True)
class Sound:
    """What a system made of a row; bits None: it is no code."""

    row: Row
    wave: Wave
    bits: int | None = None
    file_bits: int | None = None


def scores(
    material: Material, originals: Sequence[Sound], sounds: Sequence[Sound], jobs: int
) -> dict[str, Any]:
    """Every measure of a system's sounds, as the experiment `coding` names them; originals: in the same order.

    failed: how many sounds lack which measure. jobs: processes that measure pairs.
    """
    items = [
        (sound.row.utterance, original.wave, sound.wave)
        for original, sound in zip(originals, sounds, strict=True)
    ]
    measured = list(in_order(partial(_measured, material.listener.track), items, jobs))
    found: dict[str, Any] = {}
    failed = {}
    for name in (*SIGNAL, *vocoding.METRICS):
        values = [one[name] for one, _ in measured if name in one]
        if values:
            found[name] = float(np.mean(values))
        if len(values) < len(measured):
            failed[name] = len(measured) - len(values)
    reference = np.concatenate([material.contour(sound.row.utterance) for sound in originals])
    found |= pitch.evaluate(reference, np.concatenate([f0 for _, f0 in measured]))
    errors = [material.listener.phones(sound.wave, sound.row.utterance) for sound in sounds]
    if sum(map(len, errors)):
        found["phone_error"] = float(np.concatenate(errors).mean())
    found |= _voices(material, sounds)
    return found | ({"failed": failed} if failed else {})


def _measured(
    track: Callable[[Wave], NDArray[np.float32]], item: tuple[str, Wave, Wave]
) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Measures of (name, original, estimate) that are of one pair alone, and the estimate's F0."""
    _, original, estimate = item
    found = vocoding.evaluate(original, estimate)
    pair = resynthesis.prepare(original, estimate)
    for name in SIGNAL:
        try:
            found[name] = resynthesis.METRICS[name](*pair, SAMPLE_RATE)
        except resynthesis.Undefined:
            continue
    return found, track(estimate)


def _voices(material: Material, sounds: Sequence[Sound]) -> dict[str, float]:
    """cosine with the speaker's other utterances, and eer against those of the others scored."""
    same: list[NDArray[np.float64]] = []
    different: list[NDArray[np.float64]] = []
    speakers = sorted({sound.row.speaker for sound in sounds})
    for sound in sounds:
        embedding = material.listener.voice(sound.wave)
        for name in speakers:
            cosines = material.likeness(embedding, name, sound.row)
            (same if name == sound.row.speaker else different).append(cosines)
    own, others = (np.concatenate(part) if part else np.zeros(0) for part in (same, different))
    found = {"cosine": float(own.mean())} if len(own) else {}
    if len(own) and len(others):
        kinds = np.repeat([True, False], [len(own), len(others)])
        found["eer"] = verification.eer(np.concatenate([own, others]), kinds)
    return found
