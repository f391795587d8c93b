"""What a log spectrogram looks like: how much contrast it has, how rough it is, what of it is silence.

Conventions
    image: [N, T, M] log magnitudes in nepers, T frames of M bands; mask: [N, T] bool, its real frames, one or more of
    each item; floor: what digital silence is in it.

Metrics, one value per item [N]
    contrast   standard deviation over the bands of a frame, as root mean square over frames (nepers): formants and
               valleys. Averages of spectra have less of it
    roughness  root mean square difference of neighbouring frames, over all bands (nepers): noise between frames
    silence    share of frames without a band 6 dB over the floor
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["contrast", "roughness", "silence", "validate"]

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

SILENT = float(np.log(2))  # 6 dB


def validate(image: Floats, mask: Mask) -> None:
    """Raise InputError unless image is [N, T, M], finite, and every item has a real frame."""
    if image.ndim != 3 or mask.shape != image.shape[:2]:
        raise InputError(
            f"image {list(image.shape)}, mask {list(mask.shape)}", remedy="give [N, T, M] and [N, T]"
        )
    if not np.isfinite(image).all():
        raise InputError("a spectrogram holds NaN or infinity", remedy="check the model that made it")
    if not mask.any(1).all():
        raise InputError("a spectrogram without a real frame", remedy="leave it out")


def contrast(image: Floats, mask: Mask) -> Floats:
    """Standard deviation over bands, [N]."""
    validate(image, mask)
    return _mean(image.var(2), mask) ** 0.5


def roughness(image: Floats, mask: Mask) -> Floats:
    """Difference of neighbouring frames, [N]; 0 of a single frame."""
    validate(image, mask)
    both = mask[:, 1:] & mask[:, :-1]
    return _mean(np.square(np.diff(image, axis=1)).mean(2), both) ** 0.5


def silence(image: Floats, mask: Mask, floor: float) -> Floats:
    """Share of silent frames, [N]."""
    validate(image, mask)
    return _mean((image.max(2) < floor + SILENT).astype(np.float64), mask)


def _mean(values: Floats, mask: Mask) -> Floats:
    """Mean over the real ones of values [N, T], [N]; 0 of none."""
    found: Floats = (values * mask).sum(1) / np.maximum(mask.sum(1), 1)
    return found
