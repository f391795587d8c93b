"""From the log spectrograms of segments back to sound: the inverse of `features.segments`.

x = log(|S| + 0.01) says nothing of the phase and nothing of DC. Either the phase is the original's, and DC with
it; or it is found by Griffin and Lim's iterations (griffin_lim.py), and DC is zero: speech has none. A wave is that
of the least squared error to its frames.
"""

import math

import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.features import griffin_lim as phases
from speech_factorization.features.framing import gather_frames, overlap_add
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


def griffin_lim(x: Tensor, generator: torch.Generator, iterations: int = phases.ITERATIONS) -> Tensor:
    """Sound of log magnitudes x [T, 200] alone, as long as that of `wave_of`; starts from random phases."""
    magnitude = torch.nn.functional.pad(_magnitude(x), (1, 0))
    window = torch.hann_window(WINDOW, dtype=x.dtype, device=x.device)
    return phases.griffin_lim(magnitude, window, HOP, WINDOW, generator, iterations)


def _magnitude(x: Tensor) -> Tensor:
    """|S| of log(|S| + 0.01); what lies under the floor is silence."""
    return (x.exp() - FLOOR).clamp(min=0)


def _overlap_add(spectrum: Tensor) -> Tensor:
    """The wave whose windowed frames are nearest to the inverse transforms of spectrum [T, 201]."""
    window = torch.hann_window(WINDOW, dtype=spectrum.real.dtype, device=spectrum.device)
    return overlap_add(torch.fft.irfft(spectrum, WINDOW), window, HOP)
