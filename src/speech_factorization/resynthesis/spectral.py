"""Short-time Fourier transform in which a frame belongs to its own hop of samples.

Frame t is centred on the middle of samples [t hop, (t + 1) hop), so a wave of T hops has T frames, and what a
generator says of hop t acts where it stands (vocos calls it "same" padding: Siuzdak, Vocos, ICLR 2024).
"""

import torch
from torch import Tensor
from torch.nn import functional

from speech_factorization.errors import InputError

__all__ = ["analyse", "synthesise"]


def analyse(wave: Tensor, fft: int, hop: int) -> Tensor:
    """Complex spectrum [N, fft/2 + 1, T] of wave [N, T hop]: Hann window, zeros around the wave.

    Errors: InputError unless the wave is whole hops and the window whole hops, an odd number of them less one.
    """
    _check(fft, hop)
    if wave.shape[-1] % hop:
        raise InputError(f"{wave.shape[-1]} samples are no multiple of {hop}", "analyse", "pad the wave")
    padded = functional.pad(wave, [(fft - hop) // 2] * 2)
    window = torch.hann_window(fft, device=wave.device)
    return torch.stft(padded, fft, hop, window=window, center=False, return_complex=True)


def synthesise(spectrum: Tensor, fft: int, hop: int) -> Tensor:
    """Wave [N, T hop] of a complex spectrum [N, fft/2 + 1, T]: least squares (Griffin and Lim, 1984)."""
    _check(fft, hop)
    window = torch.hann_window(fft, device=spectrum.device)
    frames = torch.fft.irfft(spectrum.transpose(1, 2), fft) * window
    count = torch.ones(1, frames.shape[1], 1, device=frames.device)
    return _overlap_add(frames, hop) / _overlap_add(count * window.square(), hop).clamp(min=1e-3)


def _overlap_add(frames: Tensor, hop: int) -> Tensor:
    """[N, T hop] of frames [N, T, fft]: sums of what overlaps, the half windows at both ends cut off."""
    items, count, fft = frames.shape
    pieces = fft // hop
    total = frames.new_zeros(items, count + pieces - 1, hop)
    for k, piece in enumerate(frames.view(items, count, pieces, hop).unbind(2)):
        total = total + functional.pad(piece, (0, 0, k, pieces - 1 - k))
    edge = (fft - hop) // 2
    return total.flatten(1)[:, edge : edge + count * hop]


def _check(fft: int, hop: int) -> None:
    if fft % hop or (fft - hop) % 2:
        raise InputError(
            f"windows of {fft} samples, hops of {hop}", "spectral", "let the hop divide the window"
        )
