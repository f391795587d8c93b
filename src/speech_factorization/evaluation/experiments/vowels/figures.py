"""What the experiments on vowels draw and play."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.evaluation.experiments.vowels.common import Material, Vowels, array, pictures
from speech_factorization.evaluation.sounds import audible
from speech_factorization.features.vowel_sound import wave_of
from speech_factorization.features.vowels import BINS, vowel_spectrum

__all__ = ["TITLES", "grid", "heard", "played", "played_as"]

# How the spaces, and the lines through them, are called in figures.
TITLES = {
    "glow": "Glow",
    "glow_sphere": "Glow, sphere",
    "ppca": "one Gaussian",
    "ppca_sphere": "one Gaussian, sphere",
    "spectrogram": "spectrogram",
    "glow_matched": "Glow, matched noise",
    "spectrogram_matched": "spectrogram, matched noise",
    "gaussian": "normal numbers",
}

PAUSE = 2400  # samples, 150 ms
FADE = 80  # samples, 5 ms


def grid(
    images: Mapping[str, Tensor], titles: Mapping[str, Sequence[str]], columns: Sequence[str] = ()
) -> Figure:
    """A line of images [n, T, M] per name, time to the right and frequency upwards, all in one range of colours.

    titles: name -> what stands above each of its images; columns: what stands below the images of the last line that
    has one in every column.
    """
    wide = max(len(line) for line in images.values())
    figure = Figure(figsize=(1.15 * wide + 1.3, 1.35 * len(images) + 0.4), layout="constrained")
    axes = figure.subplots(len(images), wide, squeeze=False)
    low, high = np.percentile(np.concatenate([array(line).ravel() for line in images.values()]), (1, 99.8))
    for row, (name, line) in zip(axes, images.items(), strict=True):
        for i, ax in enumerate(row):
            ax.set(xticks=[], yticks=[])
            if i >= len(line):
                ax.set_axis_off()
                continue
            shown = ax.imshow(array(line[i]).T, origin="lower", aspect="auto", vmin=low, vmax=high)
            if name in titles:
                ax.set_title(titles[name][i], fontsize=7)
        row[0].set_ylabel(TITLES.get(name, name), fontsize=8)
    last = max(i for i, line in enumerate(images.values()) if len(line) == wide)
    for ax, said in zip(axes[last], columns, strict=False):
        ax.set_xlabel(said, fontsize=8)
    figure.colorbar(shown, ax=axes, label="log magnitude (nepers)", shrink=0.7, aspect=30)
    return figure


def heard(material: Material, image: Tensor, vowel: Vowels) -> list[Tensor]:
    """Sounds [samples] of images [n, T, M], all as long as one real vowel and with its phase."""
    (utterance,), (begin,), (end,) = vowel.places()
    original = vowel_spectrum(material.sound(utterance), begin, end)
    found = pictures(material.model, image, vowel.lengths.expand(len(image))).cpu()
    return [wave_of(picture[: len(original), :BINS], original) for picture in found]


def played(sounds: Sequence[Tensor]) -> Tensor:
    """Sounds one after the other with 150 ms between them, each faded in and out over 5 ms."""
    ramp = torch.linspace(0, 1, FADE)
    parts = []
    for sound in sounds:
        faded = sound.clone()
        fade = min(FADE, len(faded))
        faded[:fade] *= ramp[:fade]
        faded[len(faded) - fade :] *= ramp[:fade].flip(0)
        parts += [faded, faded.new_zeros(PAUSE)]
    return torch.cat(parts)


def played_as(waves: Mapping[str, Sequence[Tensor]], reference: str) -> dict[str, NDArray[np.float32]]:
    """Name -> its sounds one after the other; one level for all, which is loud enough for `reference`."""
    return audible({name: played(sounds) for name, sounds in waves.items()}, reference)
