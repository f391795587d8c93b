"""Vowel images: log spectrograms of whole vowels at a 1 ms hop, 288 x 288 once padded.

25 ms window, 257 bins of a 512-point FFT and 31 bands of zeros; vowels over 288 frames are discarded.
"""

import torch
from torch import Tensor
from torch.nn import functional

from speech_factorization.errors import InputError
from speech_factorization.features.framing import gather_frames

__all__ = ["BINS", "SIZE", "vowel_frames", "vowel_image", "vowel_spectrogram", "vowel_spectrum"]

SIZE = 288
BINS = 257

WINDOW = 400  # 25 ms
HOP = 16  # 1 ms
FFT = 512
SCALE = 32768  # |S| is that of the 16-bit wave


def vowel_frames(begin: int, end: int) -> int:
    """Frames of a vowel from sample begin to end, one per whole millisecond; over `SIZE`: discard it."""
    return (end - begin) // HOP


def vowel_spectrum(wave: Tensor, begin: int, end: int) -> Tensor:
    """Complex spectrum [frames, 257] of the 16-bit wave, wave [samples] in [-1, 1), between the samples begin and end.

    Hann window of 400 samples, frame i centred in its millisecond at begin + 16 i + 8; windows reach into the
    signal beyond both ends.
    """
    frames = vowel_frames(begin, end)
    if begin < 0 or end > len(wave) or frames < 1:
        raise InputError(
            f"a vowel from sample {begin} to {end} of {len(wave)}", remedy="it must hold 1 ms or more"
        )
    starts = begin + (HOP - WINDOW) // 2 + HOP * torch.arange(frames, device=wave.device)
    window = torch.hann_window(WINDOW, dtype=wave.dtype, device=wave.device)
    spectrum: Tensor = torch.fft.rfft(gather_frames(wave * SCALE, starts, WINDOW) * window, FFT)
    return spectrum


def vowel_spectrogram(wave: Tensor, begin: int, end: int) -> Tensor:
    """log(max(|S|, 1)), [frames, 257], of `vowel_spectrum`: 0 is its floor."""
    return vowel_spectrum(wave, begin, end).abs().clamp(min=1).log()


def vowel_image(spectrogram: Tensor) -> Tensor:
    """[288, 288]: a vowel's [frames, 257] followed by frames and bands of 0, the floor."""
    frames, bins = spectrogram.shape
    if frames > SIZE or bins != BINS:
        raise InputError(
            f"a vowel spectrogram of {frames} x {bins}",
            remedy=f"at most {SIZE} x {BINS}: discard longer vowels",
        )
    return functional.pad(spectrogram, (0, SIZE - bins, 0, SIZE - frames))
