"""The dynamical VAEs' input: trimmed speech and its short-time Fourier transform.

Sine window of 512 samples, hop 256, centred frames, reflect padding, 16 kHz (Bie et al., A benchmark
of dynamical variational autoencoders applied to speech spectrogram modeling, Interspeech 2021).
"""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError

__all__ = [
    "FFT",
    "HOP",
    "active_range",
    "istft",
    "power_spectrogram",
    "sine_window",
    "stft",
    "trim",
    "unit_peak",
]

FFT = 512
HOP = 256

Floats = NDArray[np.floating[Any]]


def sine_window(length: int, like: Tensor) -> Tensor:
    """sin(pi (n + 1/2) / length), [length]: its square overlap-adds to 1 at a hop of half its length."""
    n = torch.arange(length, dtype=like.dtype, device=like.device)
    return torch.sin(math.pi * (n + 0.5) / length)


def stft(wave: Tensor, fft: int = FFT, hop: int = HOP) -> Tensor:
    """Complex spectrogram [..., T, fft/2 + 1] of wave [..., samples]; T = 1 + samples // hop.

    Raises InputError where the wave is too short to be reflected (samples <= fft / 2).
    """
    samples = wave.shape[-1]
    if samples <= fft // 2:
        raise InputError(
            f"a wave of {samples} samples is too short for a {fft}-point STFT",
            remedy=f"give at least {fft // 2 + 1} samples",
        )
    spectrum = torch.stft(
        wave.reshape(-1, samples),
        fft,
        hop,
        window=sine_window(fft, wave),
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    return spectrum.transpose(-1, -2).reshape(*wave.shape[:-1], -1, fft // 2 + 1)


def istft(spectrum: Tensor, length: int, fft: int = FFT, hop: int = HOP) -> Tensor:
    """Wave [..., length] of a complex spectrogram [..., T, fft/2 + 1]; exact inverse of `stft`."""
    frames, bins = spectrum.shape[-2:]
    wave = torch.istft(
        spectrum.reshape(-1, frames, bins).transpose(-1, -2),
        fft,
        hop,
        window=sine_window(fft, spectrum.real),
        center=True,
        length=length,
    )
    return wave.reshape(*spectrum.shape[:-2], length)


def power_spectrogram(wave: Tensor, fft: int = FFT, hop: int = HOP) -> Tensor:
    """|STFT|^2, linear power, [..., T, fft/2 + 1] of wave [..., samples]."""
    spectrum = stft(wave, fft, hop)
    # real^2 + imag^2 spares the square root that abs() takes.
    return spectrum.real.square() + spectrum.imag.square()


def active_range(wave: Floats, db: float = 30.0, frame: int = 2048, hop: int = 512) -> tuple[int, int]:
    """Begin and end sample of what lies less than `db` under the loudest frame; wave [samples].

    librosa's definition of trimming (librosa.effects.trim, 0.10 and later): rms of zero-padded centred
    frames, relative to the largest; a silent wave is kept whole.
    """
    if wave.size == 0:
        return 0, 0
    padded = np.pad(np.square(wave, dtype=np.float64), frame // 2)
    starts = np.arange(0, wave.size + 1, hop)
    total = np.concatenate(([0.0], np.cumsum(padded)))
    power = (total[starts + frame] - total[starts]) / frame
    # Powers under 1e-10 count as 1e-10, as in librosa's amplitude_to_db.
    level = 10 * np.log10(np.maximum(power, 1e-10))
    loud = np.flatnonzero(level - level.max() > -db)
    return int(loud[0]) * hop, min(wave.size, (int(loud[-1]) + 1) * hop)


def trim(wave: Floats, db: float = 30.0) -> Floats:
    """The wave [samples] without leading and trailing parts `db` under its loudest frame."""
    begin, end = active_range(wave, db)
    return wave[begin:end]


def unit_peak(wave: Floats) -> Floats:
    """The wave divided by its largest absolute value; a silent wave is an InputError."""
    peak = np.abs(wave).max(initial=0)
    if not peak > 0:
        raise InputError("the wave is silent", remedy="remove this utterance")
    scaled: Floats = wave / peak
    return scaled
