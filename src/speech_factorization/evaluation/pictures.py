"""What the experiments' figures share."""

from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.features.stft import HOP

__all__ = ["decibels", "seconds", "spectrogram"]

RANGE = 60  # dB shown below the loudest bin

Power = TypeVar("Power", NDArray[np.float32], NDArray[np.float64])


def seconds(frames: int) -> float:
    """Duration of so many frames of the STFT."""
    return frames * HOP / SAMPLE_RATE


def decibels(power: Power) -> Power:
    """Power in dB; 1e-10 is added, so that digital silence has a value."""
    level: Power = 10 * np.log10(power + 1e-10)
    return level


def spectrogram(axes: Axes, power: Power, title: str, top: float) -> AxesImage:
    """Draw power [T, F], 0 to 8 kHz, in dB from `top` to 60 below it; returns the image for a colour bar."""
    extent = (0.0, seconds(len(power)), 0.0, SAMPLE_RATE / 2000)
    shown = axes.imshow(
        decibels(power).T, origin="lower", aspect="auto", extent=extent, vmin=top - RANGE, vmax=top
    )
    axes.set(title=title, ylabel="frequency (kHz)")
    return shown
