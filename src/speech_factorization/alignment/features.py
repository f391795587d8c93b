"""What the aligner hears: cepstra, log-mel bands and spectral change, frame by frame.

Conventions
-----------
wave: [samples] float32 in [-1, 1), 16 kHz. Frame i of a feature with hop h is centred at (i + .5) h
samples and there are floor(samples / h) frames, so a state entered at frame i begins at sample i h.
Nothing here looks at a label.
"""

import functools
import math
import zlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["FLOOR", "cepstra", "condition", "deltas", "frame", "log_mel", "mel_filters", "spectral_change"]

SAMPLE_RATE = 16_000
FFT = 512
FLOOR = 1e-7
PEAK = 0.5
DITHER = 3e-5
PRE_EMPHASIS = 0.97
CEPSTRA = 13
CHANGE_BANDS = 24
CHANGE_CEPSTRA = 12


def condition(wave: NDArray[np.float32], seed: int, name: str) -> Tensor:
    """Peak to 0.5, dither 3e-5, pre-emphasis 0.97; [samples] float32.

    The dither keeps zero-padded files from giving frames without variance; it depends on (seed, name) alone,
    so an utterance sounds the same whatever else is aligned with it.
    """
    noise = np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(len(wave), np.float32)
    x = wave * (PEAK / max(float(np.abs(wave).max()), 1e-9)) + DITHER * noise
    return torch.from_numpy(np.concatenate([x[:1], x[1:] - PRE_EMPHASIS * x[:-1]]).astype(np.float32))


def frame(x: Tensor, hop: int, window: int) -> Tensor:
    """Frames of `window` samples centred at (i + .5) hop, zeros beyond the ends: [samples] -> [T, window]."""
    before = window // 2 - hop // 2
    count = len(x) // hop
    after = max(0, (count - 1) * hop + window - before - len(x))
    return pad(x, (before, after)).unfold(0, window, hop)[:count]


@functools.cache
def mel_filters(bands: int, low: float = 40.0, high: float = 7800.0) -> Tensor:
    """Triangles equally spaced on the mel scale, each normalised to sum one; [257, bands]."""
    mel = np.linspace(1127 * math.log1p(low / 700), 1127 * math.log1p(high / 700), bands + 2)
    edges = 700 * np.expm1(mel / 1127)
    bins = np.arange(FFT // 2 + 1)[:, None] * (SAMPLE_RATE / FFT)
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0.0, np.minimum(rise, fall))
    # A narrow low triangle may hold no bin: then it takes the one nearest to its centre.
    for band in np.flatnonzero(weights.sum(axis=0) == 0):
        weights[np.abs(bins[:, 0] - edges[band + 1]).argmin(), band] = 1.0
    return torch.from_numpy((weights / weights.sum(axis=0)).astype(np.float32))


def log_mel(x: Tensor, hop: int, window: int, bands: int) -> Tensor:
    """Log of the mel power of Hann-windowed frames, log(power + 1e-7): [samples] -> [T, bands].

    The power is divided by the window's energy, so that windows of different lengths agree on steady noise.
    """
    hann = torch.hann_window(window, periodic=False)
    spectrum = torch.fft.rfft(frame(x, hop, window) * hann, FFT)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.log(power @ mel_filters(bands) + FLOOR)


@functools.cache
def cosines(bands: int, count: int) -> Tensor:
    """Orthonormal DCT-II without scaling of the zeroth; [bands, count]."""
    angle = math.pi / bands * (torch.arange(bands)[:, None] + 0.5) * torch.arange(count)
    return torch.cos(angle) * math.sqrt(2.0 / bands)


def deltas(x: Tensor, reach: int = 2) -> Tensor:
    """Regression slope over +-reach frames, ends repeated: [T, D] -> [T, D]."""
    padded = torch.cat([x[:1].expand(reach, -1), x, x[-1:].expand(reach, -1)])
    T = len(x)
    slope = torch.zeros_like(x)
    for n in range(1, reach + 1):
        slope += n * (padded[reach + n : reach + n + T] - padded[reach - n : reach - n + T])
    return slope / (2 * sum(n * n for n in range(1, reach + 1)))


def cepstra(x: Tensor, hop: int, window: int, bands: int = 26) -> Tensor:
    """13 mel cepstra, deltas and delta-deltas, the utterance's mean removed: [samples] -> [T, 39]."""
    static = log_mel(x, hop, window, bands) @ cosines(bands, CEPSTRA)
    first = deltas(static)
    features = torch.cat([static, first, deltas(first)], dim=1)
    return features - features.mean(dim=0)


def spectral_change(x: Tensor, hop: int, reach: int = 3) -> Tensor:
    """How much the spectrum changes at the beginning of each frame; [T], z-scored, clipped to [-2, 4].

    The norm of (mean of frames t .. t+reach-1 minus mean of frames t-reach .. t-1) of 12 cosine coefficients
    of a 24-band log-mel spectrum with a 10 ms window.
    """
    c = log_mel(x, hop, 160, CHANGE_BANDS) @ cosines(CHANGE_BANDS, CHANGE_CEPSTRA)
    padded = torch.cat([c[:1].expand(reach, -1), c, c[-1:].expand(reach - 1, -1)])
    mean = padded.unfold(0, reach, 1).mean(dim=2)
    change = (mean[reach:] - mean[:-reach]).norm(dim=1)
    z: Tensor = (change - change.mean()) / change.std(correction=0).clamp_min(1e-6)
    return z.clamp(-2.0, 4.0)
