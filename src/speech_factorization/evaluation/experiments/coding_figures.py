"""Pictures of coded speech: quality over bits per second, and what the spectrograms of two utterances become."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from speech_factorization.evaluation.experiments.conversion_figures import stacked

__all__ = ["rates_figure", "spectra_figure"]

Wave = NDArray[np.float32]

MEASURES = {
    "pesq_wb": "PESQ wb (up)",
    "estoi": "ESTOI (up)",
    "mel_distance": "mel distance (down)",
    "phone_error": "phone error (down)",
    "cosine": "speaker cosine (up)",
    "ffe": "F0 frame error (down)",
}
FAMILIES = {"ours": "C3", "opus": "C0", "codec2": "C2"}


def rates_figure(systems: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Each measure over bits per second, without and with what files are wrapped in; levels for what is no code."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    for axes, (measure, title) in zip(figure.subplots(2, 3, sharex=True).flat, MEASURES.items(), strict=True):
        for family, colour in FAMILIES.items():
            members = [
                found
                for name, found in systems.items()
                if name.partition("_")[0] == family and measure in found
            ]
            members.sort(key=lambda found: found["bits_per_second"])
            rates = [found["bits_per_second"] for found in members]
            values = [found[measure] for found in members]
            if not members:
                continue
            axes.plot(rates, values, "o-", color=colour, label=family, markersize=5)
            for found in members:
                ends = found["bits_per_second"], found["file_bits_per_second"]
                axes.plot(ends, [found[measure]] * 2, color=colour, linewidth=1, alpha=0.5)
        for name, style in (("original", ":"), ("world", "--")):
            if measure in systems.get(name, {}):
                axes.axhline(systems[name][measure], color="grey", linestyle=style, linewidth=1, label=name)
        axes.set_xscale("log")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
    for axes in figure.axes[3:]:
        axes.set_xlabel("bits per second; thin: to files")
    figure.axes[0].legend(fontsize=7)
    return figure


def spectra_figure(
    utterances: Sequence[str],
    shown: Mapping[str, Sequence[Wave]],
    track: Callable[[Wave], NDArray[np.float32]],
) -> Figure:
    """Spectrograms of utterances, system by system, and F0 of the first one's. shown: system -> its sounds."""
    waves = {
        f"{utterance}, {name.replace('_', ' ')}": sounds[number]
        for number, utterance in enumerate(utterances)
        for name, sounds in shown.items()
    }
    return stacked(waves, {name.replace("_", " "): track(sounds[0]) for name, sounds in shown.items()})
