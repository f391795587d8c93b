"""What is heard in a sound that was made of an utterance: its phones, its voice, its pitch.

Conventions
-----------
wave: [samples] float32, 16 kHz. Time is preserved, so the phones of a resynthesised utterance lie where the
original's do. Voices are compared by the judges' verification network, on sounds trimmed at 30 dB as it was trained
on; it is not the network that told the generator whose voice to make.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judges import Judge
from speech_factorization.evaluation.verification import Verification
from speech_factorization.features.stft import trim, unit_peak

__all__ = ["Listener", "phone_errors"]

Wave = NDArray[np.float32]
F0 = NDArray[np.float32]


def phone_errors(
    judge: Judge, wave: Wave, centres: Sequence[int], phones: Sequence[str], classes: Sequence[str]
) -> NDArray[np.bool_]:
    """Whether the phone judge takes each segment [N] for another phone than it is.

    centres: samples of the original's segments; classes: the judge's phones in index order. Phones it was never
    taught are left out.
    """
    index = {phone: i for i, phone in enumerate(classes)}
    known = [i for i, phone in enumerate(phones) if phone in index]
    if not known:
        return np.zeros(0, bool)
    truth = np.array([index[phones[i]] for i in known])
    device = next(iter(judge.members["phone"].buffers())).device
    at = torch.tensor([centres[i] for i in known], device=device)
    posterior = judge.posterior_of_sound(torch.from_numpy(np.array(wave)).to(device), at)["phone"]
    wrong: NDArray[np.bool_] = posterior.argmax(-1).cpu().numpy() != truth
    return wrong


@dataclass(frozen=True)
class Listener:
    """The judges and the tracker that every sound is heard by.

    judge: of segments, with the factor phone (None: the corpus has no labels); classes: its phones; segments: rows of
    segments.csv (utterance, phone, centre); verification: the judges' network; track: wave -> F0 in Hz
    [ceil(samples / 80)], 0 where unvoiced.
    """

    judge: Judge | None
    classes: Sequence[str]
    segments: pd.DataFrame
    verification: Verification
    track: Callable[[Wave], F0]

    @cached_property
    def _by_utterance(self) -> Mapping[Any, pd.DataFrame]:
        return dict(iter(self.segments.groupby("utterance", sort=False)))

    def phones(self, wave: Wave, utterance: str) -> NDArray[np.bool_]:
        """Whether each of the utterance's segments is misheard; none where it has no labels."""
        rows = self._by_utterance.get(utterance)
        if rows is None or self.judge is None:
            return np.zeros(0, bool)
        centres = [int(centre) for centre in rows["centre"]]
        return phone_errors(self.judge, wave, centres, rows["phone"].tolist(), self.classes)

    def voice(self, wave: Wave) -> NDArray[np.float32]:
        """The verification network's embedding [D] of unit length."""
        if not np.isfinite(wave).all():
            raise InputError("a sound that was made holds NaN or infinity", remedy="train the model again")
        peak = np.abs(wave).max(initial=0)
        heard = trim(unit_peak(wave)) if peak > 0 else wave
        device = next(self.verification.parameters()).device
        there = torch.from_numpy(np.ascontiguousarray(heard, np.float32)).to(device)
        found: NDArray[np.float32] = self.verification.embed([there])[0].cpu().numpy()
        return found
