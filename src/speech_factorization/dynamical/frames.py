"""What comes into a dynamical VAE is power, in frames that are there; anything else stops at once, in one line."""

from collections.abc import Sequence

import torch
from torch import Tensor

from speech_factorization.errors import InputError

__all__ = ["frame_mask", "poison", "real_frames"]


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """Which frames are real, [B, frames] bool, of lengths [B]."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]


def real_frames(
    x: Tensor, lengths: Tensor | None, bins: int, utterances: Sequence[str] = ()
) -> tuple[Tensor, Tensor]:
    """x [B, T, F] with zeros for padding, and which of its frames are real, [B, T] bool.

    lengths: [B] real frames, None where all T are. Errors: InputError for another shape, for lengths that do not fit,
    for a frame that is not finite or below 0. On CUDA values are not looked at, which would wait for the device;
    there `poison` lets the training loop find them.
    """
    if x.ndim != 3 or x.shape[-1] != bins or 0 in x.shape:
        raise InputError(
            f"spectrograms of shape {tuple(x.shape)}",
            remedy=f"give power of shape (utterances, frames, {bins}), at least one frame",
        )
    real = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    if lengths is not None:
        fit = lengths.shape == x.shape[:1] and (lengths.is_cuda or _within(lengths, 1, x.shape[1]))
        if not fit:
            raise InputError(
                f"lengths {lengths.tolist()} of {len(x)} spectrograms of {x.shape[1]} frames",
                remedy="give each its number of real frames",
            )
        real = frame_mask(lengths, x.shape[1])
        x = x.masked_fill(~real[..., None], 0)
    if not x.is_cuda and not _within(x, 0, torch.finfo(x.dtype).max):
        _name_the_first(x, utterances)
    return x, real


def poison(x: Tensor) -> Tensor:
    """0, or NaN where x holds anything that is no power; a scalar on the device of x."""
    return torch.where(((x >= 0) & x.isfinite()).all(), 0.0, torch.nan)


def _within(x: Tensor, low: float, high: float) -> bool:
    """Whether all of x lies between low and high; NaN does not."""
    least, most = torch.aminmax(x)
    return bool((least >= low) & (most <= high))


def _name_the_first(x: Tensor, utterances: Sequence[str]) -> None:
    item, frame = (~x.isfinite() | (x < 0)).any(-1).nonzero()[0].tolist()
    where = utterances[item] if utterances else f"item {item} of the batch"
    finite = bool(x[item, frame].isfinite().all())
    what = "below 0, so no power (its logarithm?)" if finite else "not finite"
    raise InputError(f"frame {frame} of the spectrogram is {what}", where, "repair or remove the utterance")
