"""How close a vocoder's speech comes to the original's spectrum, whatever its phase.

Conventions
    reference, estimate: [samples] float at 16 kHz, one channel, aligned in time. `prepare` makes such a pair: cut to
    the shorter, both multiplied by what gives the reference an rms of 0.05, so that the floors below mean the same.
    mel: ln max(M |S|, 1e-5) of the magnitudes |S| (1024-point Hann window, hop 256) in 80 bands of Slaney's mel scale
    and area, 0 to 8 kHz: HiFi-GAN's (Kong et al., NeurIPS 2020).

Metrics, 0 is best
    mel_distance   mean |difference of the mel|, nepers: what the published generators are trained on
    stft_distance  mean over three resolutions (FFT 512, 1024, 2048) of spectral convergence, the norm of the
                   magnitudes' difference over that of the reference's, plus the mean |difference of
                   ln max(|S|, 1e-5)| (Yamamoto et al., Parallel WaveGAN, ICASSP 2020)
    mcd            mel-cepstral distortion in dB (Kubichek, 1993): 10/ln 10 sqrt(2 sum_{d=1..13} (c_d - c'_d)^2) with
                   the mel as c_0 + sum_d c_d cos(pi d (k + 1/2) / 80), its level c_0 left out; mean over the frames
                   within 40 dB of the reference's loudest one; frame by frame, without time warping
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.resynthesis import validate

__all__ = ["METRICS", "evaluate", "mcd", "mel_distance", "prepare", "stft_distance"]

Wave = NDArray[np.floating[Any]]
Spectra = NDArray[np.float32]

RATE = 16_000
RMS = 0.05
FFT, HOP, BANDS = 1024, 256, 80
FLOOR = 1e-5
RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))
"""FFT, hop and window, samples."""

CEPSTRA = 13
LOUD = 40  # dB


def prepare(reference: Wave, estimate: Wave) -> tuple[Wave, Wave]:
    """Cut to the shorter, both times what gives the reference an rms of 0.05. Errors: a silent reference."""
    samples = min(len(reference), len(estimate))
    reference, estimate = reference[:samples].astype(np.float64), estimate[:samples].astype(np.float64)
    rms = math.sqrt(float(np.mean(np.square(reference)))) if samples else 0.0
    if rms == 0:
        raise InputError("the reference is silent", remedy="leave it out")
    return reference * (RMS / rms), estimate * (RMS / rms)


def mel_distance(reference: Wave, estimate: Wave) -> float:
    """Mean absolute difference of the log mel spectra, nepers."""
    validate(reference, estimate, RATE)
    return float(np.abs(_mel(reference) - _mel(estimate)).mean())


def stft_distance(reference: Wave, estimate: Wave) -> float:
    """Spectral convergence and log magnitude distance at three resolutions, their sum's mean."""
    validate(reference, estimate, RATE)
    total = 0.0
    for fft, hop, window in RESOLUTIONS:
        a, b = (_magnitude(wave, fft, hop, window) for wave in (reference, estimate))
        convergence = float(np.linalg.norm(a - b) / max(float(np.linalg.norm(a)), FLOOR))
        total += convergence + float(np.abs(_log(a) - _log(b)).mean())
    return total / len(RESOLUTIONS)


def mcd(reference: Wave, estimate: Wave) -> float:
    """Mel-cepstral distortion, dB."""
    validate(reference, estimate, RATE)
    power = np.square(_magnitude(reference, FFT, HOP, FFT)).sum(1)
    loud = power >= power.max() * 10 ** (-LOUD / 10)
    difference = (_mel(reference) - _mel(estimate))[loud]
    c = math.sqrt(2 / BANDS) * dct(difference, norm="ortho")[:, 1 : CEPSTRA + 1]
    return float(10 / math.log(10) * np.sqrt(2 * np.square(c).sum(1)).mean())


METRICS: dict[str, Callable[[Wave, Wave], float]] = {
    "mel_distance": mel_distance,
    "stft_distance": stft_distance,
    "mcd": mcd,
}


def evaluate(reference: Wave, estimate: Wave) -> dict[str, float]:
    """All metrics of a pair just as it came, which `prepare` makes ready."""
    reference, estimate = prepare(reference, estimate)
    return {name: metric(reference, estimate) for name, metric in METRICS.items()}


def _mel(wave: Wave) -> Spectra:
    """Log mel spectra [T, 80]."""
    return _log(_magnitude(wave, FFT, HOP, FFT) @ _bands())


@lru_cache(maxsize=1)
def _bands() -> Spectra:
    """Slaney's bands [bins, 80]: linear in frequency up to 1 kHz, then logarithmic, each triangle's area 1 Hz."""
    kilohertz, step = 15.0, math.log(6.4) / 27
    top = kilohertz + math.log(RATE / 2 / 1000) / step
    mels = np.linspace(0, top, BANDS + 2)
    edges = np.where(mels < kilohertz, mels * 200 / 3, 1000 * np.exp(step * np.maximum(mels - kilohertz, 0)))
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)[:, None]
    triangles = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    bands: Spectra = (np.maximum(triangles, 0) * 2 / (right - left)).astype(np.float32)
    return bands


def _log(magnitude: Spectra) -> Spectra:
    return np.log(np.maximum(magnitude, FLOOR))


def _magnitude(wave: Wave, fft: int, hop: int, window: int) -> Spectra:
    """|S| [T, fft/2 + 1] of periodic Hann windows, centred every `hop` samples from the first on; around is silence."""
    padded = np.pad(wave.astype(np.float32), fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, fft)[::hop]
    hann = np.zeros(fft, np.float32)
    begin = (fft - window) // 2
    hann[begin : begin + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    spectra: Spectra = np.abs(np.fft.rfft(frames * hann)).astype(np.float32)
    return spectra
