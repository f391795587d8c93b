"""How much noise is in a sound or in its log spectrogram, the clean one given.

Conventions
    clean, estimate: waves [samples], or log magnitudes [N, T, M] in nepers with mask [N, T] bool of the real frames.

Metrics
    snr                     10 log10 of the energy of the clean wave over that of the difference (dB); a single sample's
                            error counts as much as any other, at the level the estimate has
    log_spectral_distance   mean over frames of the root mean square difference over bands (dB), [N] (Gray and Markel,
                            Distance measures for speech processing, 1976)
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["DECIBEL", "log_spectral_distance", "snr"]

Floats = NDArray[np.floating[Any]]

DECIBEL = 20 / float(np.log(10))  # per neper
CEILING = 100.0


def snr(clean: Floats, estimate: Floats) -> float:
    """dB, at most 100. Errors: waves of unlike lengths; a clean wave that is silent."""
    if clean.ndim != 1 or clean.shape != estimate.shape:
        raise InputError(f"waves of {list(clean.shape)} and {list(estimate.shape)}", remedy="give equal ones")
    signal = float(np.square(clean, dtype=np.float64).sum())
    if not signal > 0:
        raise InputError("the clean wave is silent", remedy="leave it out")
    error = float(np.square(clean.astype(np.float64) - estimate).sum())
    return float(10 * np.log10(signal / max(error, signal * 10 ** (-CEILING / 10))))


def log_spectral_distance(clean: Floats, estimate: Floats, mask: NDArray[np.bool_]) -> Floats:
    """dB, [N]. Errors: unlike shapes; an item without a real frame."""
    if clean.ndim != 3 or clean.shape != estimate.shape or mask.shape != clean.shape[:2]:
        shapes = f"{list(clean.shape)}, {list(estimate.shape)} and mask {list(mask.shape)}"
        raise InputError(shapes, remedy="give [N, T, M] twice and [N, T]")
    if not mask.any(1).all():
        raise InputError("a spectrogram without a real frame", remedy="leave it out")
    distance = np.sqrt(np.square(clean - estimate).mean(2)) * mask
    found: Floats = DECIBEL * distance.sum(1) / mask.sum(1)
    return found
