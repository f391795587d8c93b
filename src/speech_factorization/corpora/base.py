"""What every corpus reader gives: utterances, or refusals that say why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["SAMPLE_RATE", "Label", "Refusal", "Split", "Utterance", "Word"]

SAMPLE_RATE = 16_000

Split = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Label:
    """One phone label in the corpus's own symbols; times in samples at 16 kHz, None where unknown."""

    symbol: str
    begin: int | None
    end: int | None


@dataclass(frozen=True)
class Word:
    """One word; times in samples at 16 kHz, None where unknown."""

    word: str
    begin: int | None
    end: int | None


@dataclass(frozen=True)
class Utterance:
    """One utterance.

    wave: [samples] int16 at 16 kHz, mono. sex: "F", "M" or "" where unknown.
    split: train/valid/test within each speaker; speaker_split: train/valid/test, disjoint speakers.
    factors: further factors of the whole utterance, e.g. {"emotion": "anger"}.
    rate: Hz, of the recording before it was brought to 16 kHz.
    """

    utterance: str
    speaker: str
    sex: str
    split: Split
    speaker_split: Split
    wave: NDArray[np.int16]
    text: str = ""
    labels: tuple[Label, ...] = ()
    words: tuple[Word, ...] = ()
    factors: Mapping[str, str] = field(default_factory=dict)
    rate: int = SAMPLE_RATE

    @property
    def narrow(self) -> bool:
        """Whether the recording has nothing up to 8 kHz, such as one of a telephone."""
        return self.rate < SAMPLE_RATE


@dataclass(frozen=True)
class Refusal:
    """Something a reader could not use. `of` says what is lost: the utterance, or only its labels."""

    utterance: str
    of: Literal["utterance", "labels"]
    file: str
    place: str
    reason: str
    remedy: str
