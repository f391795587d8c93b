"""What is aligned: a wave with its units, as features and as a chain of states.

Conventions
-----------
Every unit has three states, 3 u, 3 u + 1 and 3 u + 2 for unit number u. Times are integer samples at 16 kHz.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.alignment.features import cepstra, condition, log_mel, spectral_change
from speech_factorization.alignment.settings import AlignmentSettings

__all__ = ["COARSE", "FINE", "STATES", "Chain", "Sound", "Transcript", "chain_of", "hear", "number_units"]

STATES = 3
SILENT = 0
COARSE, COARSE_WINDOW = 160, 400
FINE, FINE_WINDOW = 80, 320


@dataclass(frozen=True)
class Transcript:
    """An utterance and the units said in it, silences included.

    wave: [samples] float32 in [-1, 1), 16 kHz. units: in order; with optional pauses a silence is given
    wherever one may be.
    """

    utterance: str
    wave: NDArray[np.float32]
    units: tuple[str, ...]


@dataclass(frozen=True)
class Sound:
    """The features of one utterance (see features.py), before standardisation.

    coarse: [samples // 160, 39], fine: [samples // 80, 39], change_*: [frames], bands: [samples // 80, 64].
    optional: per unit, whether it may be absent.
    """

    utterance: str
    samples: int
    units: tuple[str, ...]
    optional: tuple[bool, ...]
    coarse: Tensor
    fine: Tensor
    change_coarse: Tensor
    change_fine: Tensor
    bands: Tensor


@dataclass(frozen=True)
class Chain:
    """The states an utterance passes through.

    units: [U] unit numbers; optional: [U] bool; kept: [U] the place of each in the transcript's sequence.
    """

    units: Tensor
    optional: Tensor
    kept: Tensor

    @property
    def states(self) -> Tensor:
        """State number of each position, [3 U]."""
        return (STATES * self.units[:, None] + torch.arange(STATES)).reshape(-1)

    @property
    def owner(self) -> Tensor:
        """Which unit (0 .. U - 1) each position belongs to, [3 U]."""
        return torch.arange(len(self.units)).repeat_interleave(STATES)

    @property
    def skip(self) -> Tensor:
        """True at the first state after an optional unit, where a path may have skipped that; [3 U]."""
        skip = torch.zeros(STATES * len(self.units), dtype=torch.bool)
        skip[STATES::STATES] = self.optional[:-1]
        return skip

    def select(self, present: Tensor) -> "Chain":
        """The chain of the units where `present` [U] is True, all of them now certain."""
        return Chain(self.units[present], torch.zeros_like(self.optional[present]), self.kept[present])

    def without_inner_silence(self) -> "Chain":
        """The chain of the sounding units and of the first and last unit, whatever they are."""
        present = self.units != SILENT
        present[0] = present[-1] = True
        return self.select(present)

    def begins(self, path: Tensor) -> Tensor:
        """First frame of each unit on a path [T] of positions that passes through all of them: [U]."""
        return torch.searchsorted(self.owner[path], torch.arange(len(self.units)))


def number_units(units: Collection[str], silence: Collection[str]) -> dict[str, int]:
    """Unit -> number of its model; all silences share `SILENT`."""
    sounding = sorted(set(units) - set(silence))
    return {**{unit: SILENT for unit in silence}, **{unit: i for i, unit in enumerate(sounding, start=1)}}


def chain_of(sound: Sound, number: Mapping[str, int]) -> Chain:
    """The chain of an utterance, all optional pauses in it."""
    units = torch.tensor([number[unit] for unit in sound.units])
    return Chain(units, torch.tensor(sound.optional), torch.arange(len(units)))


def may_be_absent(units: Sequence[str], settings: AlignmentSettings) -> tuple[bool, ...]:
    """Which units are optional pauses: inner silences with no silence beside them, if pauses are optional."""
    if settings.pauses == "given":
        return (False,) * len(units)
    silent = [unit in settings.silence for unit in units]
    inner = range(1, len(units) - 1)
    return tuple(i in inner and silent[i] and not (silent[i - 1] or silent[i + 1]) for i in range(len(units)))


def refusal_of(transcript: Transcript, optional: Sequence[bool]) -> str | None:
    """Why an utterance cannot be aligned, or None."""
    wave, certain = transcript.wave, len(transcript.units) - sum(optional)
    if not transcript.units:
        return "it has no units"
    if not bool(np.isfinite(wave).all()):
        return "its wave holds values that are not finite"
    if not bool(np.any(wave)):
        return "its wave is silent"
    if len(wave) // COARSE < STATES * certain:
        return f"{len(wave) // COARSE} frames of 10 ms are too few for {certain} units of {STATES} states"
    return None


def hear(
    transcripts: Iterable[Transcript], settings: AlignmentSettings
) -> tuple[list[Sound], dict[str, str]]:
    """Features of all utterances that can be aligned, and utterance -> reason of those that cannot."""
    sounds, refused = [], {}
    for transcript in transcripts:
        optional = may_be_absent(transcript.units, settings)
        reason = refusal_of(transcript, optional)
        if reason is not None:
            refused[transcript.utterance] = reason
            continue
        x = condition(transcript.wave, settings.seed, transcript.utterance)
        bands = torch.cat([log_mel(x, FINE, 400, 40), log_mel(x, FINE, 128, 24)], dim=1)
        sounds.append(
            Sound(
                transcript.utterance,
                len(transcript.wave),
                transcript.units,
                optional,
                cepstra(x, COARSE, COARSE_WINDOW),
                cepstra(x, FINE, FINE_WINDOW),
                spectral_change(x, COARSE),
                spectral_change(x, FINE),
                bands - bands.mean(dim=0),
            )
        )
    return sounds, refused
