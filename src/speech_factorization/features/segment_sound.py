"""From the log spectrograms of segments back to sound: the inverse of `features.segments`.

x = log(|S| + 0.01) says nothing of the phase and nothing of DC. Either the phase is the original's, and DC with
it; or it is found by Griffin and Lim's iterations (Signal estimation from modified short-time Fourier transform,
1984), accelerated (Perraudin, Balazs and Sondergaard, A fast Griffin-Lim algorithm, 2013), and DC is zero:
speech has none. A wave is that of the least squared error to its frames.
"""

import math

import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.features.framing import gather_frames
from speech_factorization.features.segments import FLOOR, FRAMES, HOP, RMS, WINDOW

__all__ = [
    "griffin_lim",
    "level",
    "log_magnitude",
    "segment_frames",
    "spectrum",
    "utterance_frames",
    "wave_of",
]

ITERATIONS = 32
MOMENTUM = 0.99

# Where a frame's window has all but ended it says nothing of the sample.
LEAST = 1e-3


def level(wave: Tensor) -> Tensor:
    """What wave [samples] is multiplied by before its segments are cut: it then has rms 0.05.

    Errors: a wave that is silent.
    """
    rms = wave.square().mean().sqrt() if len(wave) else wave.new_zeros(())
    if not rms > 0:
        raise InputError("the wave is silent", remedy="leave it out")
    return RMS / rms


def segment_frames(centre: int) -> Tensor:
    """The samples [20] that the frames of the segment around `centre` are centred at."""
    return centre - (FRAMES - 1) * HOP // 2 + HOP * torch.arange(FRAMES)


def utterance_frames(samples: int) -> Tensor:
    """The samples [T] that the frames of a whole utterance are centred at: every 10 ms from 0 to its end.

    At least 20, so that the shortest sound has a segment; what lies behind its end is reflected.
    """
    return HOP * torch.arange(max(FRAMES, 1 + math.ceil(samples / HOP)))


def spectrum(wave: Tensor, centres: Tensor) -> Tensor:
    """Complex spectrum [T, 201] of the frames of wave [samples] centred at the samples `centres` [T].

    The frames are those of `segment_spectrogram`; the wave is taken as it is, not scaled.
    """
    window = torch.hann_window(WINDOW, dtype=wave.dtype, device=wave.device)
    frames = gather_frames(wave, centres.to(wave.device) - WINDOW // 2, WINDOW)
    found: Tensor = torch.fft.rfft(frames * window)
    return found


def log_magnitude(spectrum: Tensor) -> Tensor:
    """log(|S| + 0.01) without DC, [..., 200], of a spectrum [..., 201]."""
    return (spectrum[..., 1:].abs() + FLOOR).log()


def wave_of(x: Tensor, original: Tensor) -> Tensor:
    """Sound of log magnitudes x [T, 200] with the phase, and the DC, of the spectrum `original` [T, 201].

    [(T - 1) * 160 + 400]: from 200 samples before the first frame's centre to 200 behind the last one's.
    """
    changed = torch.polar(_magnitude(x), original[:, 1:].angle())
    return _overlap_add(torch.cat([original[:, :1], changed], 1))


def griffin_lim(x: Tensor, generator: torch.Generator, iterations: int = ITERATIONS) -> Tensor:
    """Sound of log magnitudes x [T, 200] alone, as long as that of `wave_of`; starts from random phases."""
    magnitude = torch.nn.functional.pad(_magnitude(x), (1, 0))
    phase = 2 * math.pi * torch.rand(magnitude.shape, generator=generator, dtype=x.dtype).to(x.device)
    window = torch.hann_window(WINDOW, dtype=x.dtype, device=x.device)
    found = torch.polar(magnitude, phase)
    before = torch.zeros_like(found)
    for _ in range(iterations):
        consistent = torch.fft.rfft(_overlap_add(found).unfold(0, WINDOW, HOP) * window)
        towards = consistent + MOMENTUM * (consistent - before)
        found = torch.polar(magnitude, towards.angle())
        before = consistent
    return _overlap_add(found)


def _magnitude(x: Tensor) -> Tensor:
    """|S| of log(|S| + 0.01); what lies under the floor is silence."""
    return (x.exp() - FLOOR).clamp(min=0)


def _overlap_add(spectrum: Tensor) -> Tensor:
    """The wave whose windowed frames are nearest to the inverse transforms of spectrum [T, 201]."""
    window = torch.hann_window(WINDOW, dtype=spectrum.real.dtype, device=spectrum.device)
    frames = torch.fft.irfft(spectrum, WINDOW) * window
    samples = (len(frames) - 1) * HOP + WINDOW
    index = HOP * torch.arange(len(frames), device=frames.device)[:, None]
    index = (index + torch.arange(WINDOW, device=frames.device)).flatten()
    total = frames.new_zeros(samples).index_add(0, index, frames.flatten())
    weights = window.square().expand_as(frames).flatten()
    weight = frames.new_zeros(samples).index_add(0, index, weights)
    wave: Tensor = total / weight.clamp(min=LEAST)
    return wave
