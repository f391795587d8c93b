"""F0 changed: moved to another voice, shifted, flattened, swapped for another contour; and codes that say so.

Conventions
-----------
f0: [T] float Hz every 5 ms, 0 where unvoiced. No change touches the voicing: that is what is spoken, not how high.
statistics: mean and standard deviation of log F0 over voiced frames.

Codes are changed in one of two ways (Polyak et al., Speech resynthesis from discrete disentangled
self-supervised representations, Interspeech 2021, change the contour before it is coded). A generator that knows
F0 in Hz is told other statistics, and the pitch codes stay; any other knows F0 by its codes alone, so the changed
contour is encoded anew.
"""

import math
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.pitch.statistics import Statistics

__all__ = [
    "SEMITONE",
    "PitchModel",
    "flattened",
    "flattened_codes",
    "moved",
    "shifted",
    "shifted_codes",
    "swapped",
    "with_contour",
]

F0 = NDArray[np.float32]
SEMITONE = math.log(2) / 12
"""Of log F0."""


class PitchModel(Protocol):
    """What of a model is needed here. absolute_pitch: its generator is given F0 in Hz beside the codes."""

    @property
    def absolute_pitch(self) -> bool: ...

    def encode_pitch(self, f0: Tensor, statistics: Statistics) -> Tensor:
        """int64 [ceil(T / 16)] of f0 [T], normalised by the statistics."""
        ...


def moved(f0: NDArray[Any], source: Statistics, target: Statistics) -> F0:
    """The contour as high and as lively as the target's: log F0 normalised by the one, scaled back by the other."""
    scale = target.std / source.std if source.std > 0 else 0.0
    return _voiced(f0, lambda log_f0: target.mean + scale * (log_f0 - source.mean))


def shifted(f0: NDArray[Any], semitones: float) -> F0:
    """The contour so many semitones higher (lower where negative)."""
    return _voiced(f0, lambda log_f0: log_f0 + SEMITONE * semitones)


def flattened(f0: NDArray[Any], statistics: Statistics | None = None) -> F0:
    """Every voiced frame at one height: exp(mean) of the statistics, or of the contour itself."""
    return _voiced(f0, lambda log_f0: np.full_like(log_f0, statistics.mean if statistics else log_f0.mean()))


def swapped(f0: NDArray[Any], other: NDArray[Any]) -> F0:
    """The contour of another utterance, [any length], stretched to this one's length; the voicing is this one's.

    Its log F0 is interpolated where it is unvoiced. An other without a voiced frame says nothing: f0 stays.
    """
    there = np.flatnonzero(np.asarray(other) > 0)
    if not len(there) or not len(f0):
        return np.array(f0, np.float32)
    # The first frame on the first, the last on the last.
    places = np.arange(len(f0)) * ((len(other) - 1) / max(len(f0) - 1, 1))
    contour = np.interp(places, there, np.log(np.asarray(other, np.float64)[there]))
    return np.where(np.asarray(f0) > 0, np.exp(contour), 0).astype(np.float32)


def with_contour(model: PitchModel, codes: Codes, f0: NDArray[Any]) -> Codes:
    """The codes with another contour [ceil(samples / 80)], encoded under their own statistics."""
    contour = torch.from_numpy(np.array(f0, np.float32)).to(codes.pitch.device)
    return replace(codes, pitch=model.encode_pitch(contour, codes.statistics))


def shifted_codes(model: PitchModel, codes: Codes, f0: NDArray[Any], semitones: float) -> Codes:
    """The codes so many semitones higher; f0: the contour they were made of."""
    if model.absolute_pitch:
        higher = replace(codes.statistics, mean=codes.statistics.mean + SEMITONE * semitones)
        return replace(codes, statistics=higher)
    return with_contour(model, codes, shifted(f0, semitones))


def flattened_codes(model: PitchModel, codes: Codes, f0: NDArray[Any]) -> Codes:
    """The codes at one height, that of their statistics; f0: the contour they were made of."""
    flat = with_contour(model, codes, flattened(f0, codes.statistics))
    if model.absolute_pitch:
        # What is left of the contour in the codes' voicing has no height then.
        return replace(flat, statistics=replace(codes.statistics, std=0.0))
    return flat


def _voiced(f0: NDArray[Any], change: Any) -> F0:
    """The contour with log F0 of its voiced frames changed; one without voiced frames stays."""
    found = np.zeros(len(f0), np.float32)
    voiced = np.asarray(f0) > 0
    if voiced.any():
        found[voiced] = np.exp(change(np.log(np.asarray(f0, np.float64)[voiced])))
    return found
