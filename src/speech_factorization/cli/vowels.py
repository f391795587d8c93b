"""What the verbs on vowels share: a vowel out of a sound file, and a model that takes vowels."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speech_factorization.cli.resynthesize import check_model
from speech_factorization.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from speech_factorization.features.vowel_code import VowelCode

__all__ = ["Vowel", "load_code", "read_vowel"]


@dataclass(frozen=True)
class Vowel:
    """A vowel from sample begin to end of wave [samples], which is at the level vowels are taken at.

    scale: what the file's own level was multiplied by.
    """

    wave: "Tensor"
    begin: int
    end: int
    scale: float

    @property
    def spectrum(self) -> "Tensor":
        """Complex spectrum [frames, 257]."""
        from speech_factorization.features.vowels import vowel_spectrum

        return vowel_spectrum(self.wave, self.begin, self.end)

    @property
    def picture(self) -> "Tensor":
        """Log spectrogram [1, 288, 288]."""
        from speech_factorization.features.vowels import vowel_image, vowel_spectrogram

        return vowel_image(vowel_spectrogram(self.wave, self.begin, self.end))[None]

    @property
    def lengths(self) -> "Tensor":
        """Its frames, [1]."""
        import torch

        return torch.tensor([len(self.spectrum)])


def read_vowel(
    source: Path, begin: float = 0.0, end: float | None = None, option: str = "--begin, --end"
) -> Vowel:
    """The vowel from begin to end (seconds) of a sound file; its level is that of the whole file.

    Errors: times that are not within the sound; a vowel that is shorter than 1 ms or longer than 288 ms, or silent.
    """
    import numpy as np
    import torch

    from speech_factorization.cli.manipulate import check_stretch
    from speech_factorization.corpora.audio import read_audio
    from speech_factorization.corpora.base import SAMPLE_RATE
    from speech_factorization.features.segment_sound import level
    from speech_factorization.features.vowels import SIZE, vowel_frames

    wave = torch.from_numpy(read_audio(source).astype(np.float32) / 32768)
    ((first, last),) = check_stretch(begin, end, len(wave), SAMPLE_RATE, option) or [(0, len(wave))]
    frames = vowel_frames(first, last)
    if not 1 <= frames <= SIZE:
        raise InputError(
            f"a vowel of {1000 * (last - first) / SAMPLE_RATE:.0f} ms",
            source,
            f"name a part of 1 to {SIZE} ms with {option}",
        )
    scale = float(level(wave))
    if not wave[first:last].any():
        raise InputError(
            f"silence from {first / SAMPLE_RATE:g} to {last / SAMPLE_RATE:g} s",
            source,
            f"name a vowel with {option}",
        )
    return Vowel(wave * scale, first, last, scale)


def load_code(checkpoints: Path, model: str) -> "VowelCode":
    """The trained model. Errors: there is none of this name; it takes no vowels."""
    check_model(checkpoints, model)
    from speech_factorization.features.vowel_code import VowelCode
    from speech_factorization.trained import load_model

    trained, _ = load_model(checkpoints / model)
    if not isinstance(trained, VowelCode):
        raise InputError(f"{model} is no model of vowels", checkpoints / model, "name one that is, e.g. glow")
    return trained
