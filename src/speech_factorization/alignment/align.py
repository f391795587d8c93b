"""The recipe: train on some utterances, align any, and give the mean of three methods' boundaries.

Less than about three minutes of speech is too little to train on. Training and use are on one thread and take
every random number from the settings' seed: the same input gives the same boundaries, bit for bit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from speech_factorization.alignment.gmm import Mixtures
from speech_factorization.alignment.network import StateNetwork, fit_network
from speech_factorization.alignment.sequences import (
    COARSE,
    FINE,
    STATES,
    Chain,
    Sound,
    Transcript,
    chain_of,
    hear,
    number_units,
)
from speech_factorization.alignment.settings import AlignmentSettings
from speech_factorization.alignment.train import coarse_model, decide_pauses, fine_model, paths, visited
from speech_factorization.errors import InputError

__all__ = ["Aligner", "Alignment", "Times", "align", "train"]

Times = list[tuple[int, int]]


@dataclass(frozen=True)
class Alignment:
    """What an aligner found.

    units: utterance -> its units as given. times: utterance -> (begin, end) of each unit in samples,
    contiguous from 0 to the end of the wave; an absent optional pause is empty (begin = end). by_method: the
    same for "A", "B" and "C" alone. refused: utterance -> why it has no times.
    """

    units: Mapping[str, tuple[str, ...]]
    times: Mapping[str, Times]
    by_method: Mapping[str, Mapping[str, Times]]
    refused: Mapping[str, str]

    def table(self, method: str | None = None) -> pd.DataFrame:
        """Columns utterance, position, unit, begin, end; absent pauses left out, positions 0, 1, ... anew.

        method: "A", "B" or "C" alone, or None for the mean.
        """
        times = self.times if method is None else self.by_method[method]
        rows = []
        for utterance, own in times.items():
            present = [
                (unit, *span)
                for unit, span in zip(self.units[utterance], own, strict=True)
                if span[0] < span[1]
            ]
            rows += [(utterance, position, *row) for position, row in enumerate(present)]
        return pd.DataFrame(rows, columns=["utterance", "position", "unit", "begin", "end"])


@dataclass(frozen=True)
class Scale:
    """Standardisation by the training data: (x - mean) / deviation, per dimension."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, features: Sequence[Tensor]) -> "Scale":
        """From the frames [T, D] of all utterances."""
        together = torch.cat(list(features)).double()
        return cls(together.mean(dim=0).float(), together.std(dim=0).clamp_min(1e-5).float())

    def __call__(self, features: Iterable[Tensor]) -> list[Tensor]:
        return [(x - self.mean) / self.deviation for x in features]


@dataclass(frozen=True)
class Aligner:
    """A trained aligner; `apply` aligns utterances made of the units it knows."""

    settings: AlignmentSettings
    number: Mapping[str, int]
    scales: tuple[Scale, Scale, Scale]
    coarse: Mixtures
    fine: Mixtures
    network: StateNetwork

    def apply(self, transcripts: Iterable[Transcript]) -> Alignment:
        """Align utterances, seen in training or not; what cannot be aligned is refused with its reason."""
        return self.apply_to_sounds(*hear(transcripts, self.settings))

    def apply_to_sounds(self, sounds: Sequence[Sound], refused: Mapping[str, str]) -> Alignment:
        """As `apply`, from features made by `hear`."""
        refused = dict(refused)
        known = []
        for sound in sounds:
            strange = sorted(set(sound.units) - set(self.number))
            if strange:
                refused[sound.utterance] = f"the aligner was not trained on {', '.join(strange)}"
            else:
                known.append(sound)
        s = self.settings
        to_coarse, to_fine, to_bands = self.scales
        coarse = to_coarse(sound.coarse for sound in known)
        chains = [chain_of(sound, self.number) for sound in known]
        chains = decide_pauses(coarse, chains, self.coarse.log_likelihood)
        change = [sound.change_coarse for sound in known]
        found = {"A": (paths(coarse, chains, self.coarse.log_likelihood, change, s.bonus_coarse), COARSE)}
        change = [sound.change_fine for sound in known]
        fine = to_fine(sound.fine for sound in known)
        found["B"] = (paths(fine, chains, self.fine.log_likelihood, change, s.bonus_fine), FINE)
        bands = to_bands(sound.bands for sound in known)
        found["C"] = (paths(bands, chains, self.network.log_likelihood, change, s.bonus_network), FINE)

        times: dict[str, Times] = {}
        by_method: dict[str, dict[str, Times]] = {method: {} for method in found}
        for i, (sound, chain) in enumerate(zip(known, chains, strict=True)):
            begins = {method: hop * chain.begins(path[i]).double() for method, (path, hop) in found.items()}
            for method, begin in begins.items():
                by_method[method][sound.utterance] = intervals(begin, chain, sound, s.shift_ms)
            mean = torch.stack(list(begins.values())).mean(dim=0)
            times[sound.utterance] = intervals(mean, chain, sound, s.shift_ms)
        return Alignment({sound.utterance: sound.units for sound in known}, times, by_method, refused)


def intervals(begins: Tensor, chain: Chain, sound: Sound, shift_ms: float) -> Times:
    """(begin, end) of every unit of the transcript, from the begins [U] in samples of those present."""
    shifted = (begins + shift_ms * 16).round().long().clamp(0, sound.samples)
    shifted[0] = 0
    edges = [*shifted.tolist(), sound.samples]
    # An absent unit is empty and lies where the next one that is present begins.
    place = torch.searchsorted(chain.kept, torch.arange(len(sound.units) + 1)).tolist()
    return [(edges[place[u]], edges[place[u + 1]]) for u in range(len(sound.units))]


def train(transcripts: Iterable[Transcript], settings: AlignmentSettings) -> Aligner:
    """Train an aligner; InputError if no utterance can be used."""
    sounds, refused = hear(transcripts, settings)
    return train_on_sounds(sounds, refused, settings)


def train_on_sounds(
    sounds: Sequence[Sound],
    refused: Mapping[str, str],
    settings: AlignmentSettings,
    inventory: Collection[str] = (),
) -> Aligner:
    """As `train`, from features made by `hear`.

    inventory: units that may occur later though not here; an unseen unit sounds like speech at large.
    """
    if not sounds:
        first = next((f" (the first: {name}, {why})" for name, why in refused.items()), "")
        raise InputError(
            f"no utterance can be used to train the aligner, {len(refused)} refused{first}",
            "alignment",
            "give utterances with sound and labels, or set alignment.source to labels",
        )
    spoken = {unit for sound in sounds for unit in sound.units}
    number = number_units(spoken | set(inventory), settings.silence)
    count = STATES * (max(number.values()) + 1)
    scales = (
        Scale.of([sound.coarse for sound in sounds]),
        Scale.of([sound.fine for sound in sounds]),
        Scale.of([sound.bands for sound in sounds]),
    )
    features = scales[0](sound.coarse for sound in sounds)
    chains = [chain_of(sound, number) for sound in sounds]
    coarse = coarse_model(features, chains, count, settings)
    chains = decide_pauses(features, chains, coarse.log_likelihood)
    states = visited(chains, paths(features, chains, coarse.log_likelihood))
    features = scales[1](sound.fine for sound in sounds)
    fine = fine_model(features, chains, states, count, settings)
    change = [sound.change_fine for sound in sounds]
    states = visited(chains, paths(features, chains, fine.log_likelihood, change, settings.bonus_fine))
    bands = scales[2](sound.bands for sound in sounds)
    network = fit_network(bands, states, count, settings.epochs, settings.seed)
    return Aligner(settings, number, scales, coarse, fine, network)


def align(
    transcripts: Iterable[Transcript], settings: AlignmentSettings, train_on: Collection[str] | None = None
) -> Alignment:
    """Train on the utterances named in `train_on` (all, if None) and align all of them.

    With optional pauses A decides which are there, B and C follow. InputError if nothing can be trained on.
    """
    sounds, refused = hear(transcripts, settings)
    chosen = [sound for sound in sounds if train_on is None or sound.utterance in train_on]
    inventory = {unit for sound in sounds for unit in sound.units}
    return train_on_sounds(chosen, refused, settings, inventory).apply_to_sounds(sounds, refused)
