"""Pictures of voice conversion: one utterance in several voices, and how alike voices are to the judges."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from speech_factorization.evaluation.pictures import decibels, spectrogram
from speech_factorization.features.stft import FFT, power_spectrogram, unit_peak

__all__ = ["Example", "contours", "cosine_figure", "example_figure", "stacked"]

Wave = NDArray[np.float32]
F0 = NDArray[np.float32]

F0_SECONDS = 0.005
BINS = 50

# Blocks of which the cosines are drawn, in order.
SHOWN = ("original", "original_seen", "reconstruction", "own", "seen", "unseen", "unchanged_unseen")


@dataclass(frozen=True)
class Example:
    """An utterance to look at and to hear.

    waves: source and reconstruction; targets: (seen | unseen, speaker, an utterance of theirs, the conversion).
    """

    utterance: str
    waves: Mapping[str, Wave]
    targets: tuple[tuple[str, str, Wave, Wave], ...]
    track: Callable[[Wave], F0]

    def sounds(self) -> dict[str, Wave]:
        """conversion_NAME -> wave."""
        found = {f"conversion_{name}": wave for name, wave in self.waves.items()}
        for kind, _, real, converted in self.targets:
            found |= {f"conversion_{kind}_target": real, f"conversion_{kind}": converted}
        return found


def example_figure(example: Example) -> Figure:
    """Spectrograms of the source, and of each target's own utterance beside the conversion; contours of F0 last."""
    shown = {f"{example.utterance}, source": example.waves["source"]}
    heard = {"source": example.waves["source"]}
    for kind, name, real, converted in example.targets:
        shown[f"an utterance of {name} ({kind})"] = real
        shown[f"{example.utterance} converted to {name}"] = converted
        heard[f"converted to {name}"] = converted
    return stacked(shown, {name: example.track(wave) for name, wave in heard.items()})


def stacked(waves: Mapping[str, Wave], f0: Mapping[str, F0]) -> Figure:
    """Spectrograms of the waves, each at unit peak, one below the other, and contours of F0 in one picture."""
    figure = Figure(figsize=(8, 1.7 * (len(waves) + 1.3)), layout="constrained")
    axes = figure.subplots(len(waves) + 1, 1, sharex=True, squeeze=False)[:, 0]
    powers = {
        name: power_spectrogram(torch.from_numpy(_audible(wave))).numpy() for name, wave in waves.items()
    }
    top = max(float(decibels(power).max()) for power in powers.values())
    for axis, (title, power) in zip(axes, powers.items(), strict=False):
        image = spectrogram(axis, power, title, top)
        axis.set_ylabel("kHz")
        axis.title.set_fontsize(9)
    contours(axes[-1], f0)
    # Beside all of them, or they would not be equally wide.
    figure.colorbar(image, ax=axes, label="power (dB)", shrink=0.4)
    return figure


def contours(axis: Axes, f0: Mapping[str, F0]) -> None:
    """F0 in Hz over time; unvoiced frames are gaps."""
    for name, contour in f0.items():
        seconds = F0_SECONDS * (np.arange(len(contour)) + 0.5)
        axis.plot(seconds, np.where(contour > 0, contour, np.nan), linewidth=1, label=name)
    axis.set(xlabel="time (s)", ylabel="F0 (Hz)")
    axis.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(f0))


def cosine_figure(trials: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Figure:
    """Distribution of the cosines of trials, same and different speaker, of each block that has any."""
    names = [name for name in SHOWN if name in trials]
    figure = Figure(figsize=(7, 1.3 * max(len(names), 1) + 0.6), layout="constrained")
    axes = figure.subplots(max(len(names), 1), 1, sharex=True, squeeze=False)[:, 0]
    bins = np.linspace(-1, 1, BINS + 1)
    for axis, name in zip(axes, names, strict=False):
        for scores, said in zip(trials[name], ("the target's", "others'"), strict=True):
            axis.hist(scores, bins=bins, density=True, alpha=0.6, label=said)
        axis.set_title(name.replace("_", ", "), fontsize=9)
        axis.set_yticks([])
    axes[0].legend(fontsize=7, loc="upper left")
    axes[-1].set_xlabel("cosine with real utterances")
    return figure


def _audible(wave: Wave) -> Wave:
    """At unit peak, and long enough for a spectrum."""
    padded = np.pad(wave, (0, max(FFT + 1 - len(wave), 0)))
    found: Wave = (unit_peak(padded) if np.abs(padded).max() > 0 else padded).astype(np.float32)
    return found
