"""Sound files of any kind to one kind of wave: int16, 16 kHz, mono."""

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.faults import Fault

__all__ = ["SHORTEST", "read_audio"]

SHORTEST = SAMPLE_RATE // 10
"""Samples: a recording under 0.1 s holds no phone with its context."""

_SILENT = 1e-3
"""Full scale 1: a recording that never leaves +-33 of 32768 (-60 dB) is taken for silence."""


def read_audio(path: Path) -> NDArray[np.int16]:
    """The wave of a WAV, FLAC, NIST SPHERE or other file that libsndfile reads: [samples] int16 at 16 kHz.

    Other rates are resampled by a polyphase filter; what overshoots is clipped, never wrapped.
    Fault: missing, unreadable, more than one channel, not a number, too short, silent.
    """
    if not path.is_file():
        raise Fault("the audio file is missing", path, "", "check the name, or copy the file again")
    _refuse_shorten(path)
    try:
        wave, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        cause = str(error).rpartition(": ")[2].strip().rstrip(".")
        raise Fault(
            "the audio file is unreadable", path, cause, "copy it again, or convert it to WAV"
        ) from None
    if wave.shape[1] != 1:
        raise Fault(
            "the audio is not mono",
            path,
            f"{wave.shape[1]} channels",
            "keep one channel, e.g. sox IN.wav OUT.wav remix 1",
        )
    if not np.isfinite(wave).all():
        first = int(np.argmin(np.isfinite(wave[:, 0])))
        raise Fault("the audio has samples that are no numbers", path, f"sample {first}", "export it again")
    samples = _sixteen_bit(wave[:, 0], rate)
    if len(samples) < SHORTEST:
        raise Fault(
            "the audio is too short",
            path,
            f"{len(wave) / rate:.3f} s",
            f"leave it out, or give at least {SHORTEST / SAMPLE_RATE} s",
        )
    peak = np.abs(wave).max()
    if peak < _SILENT:
        raise Fault(
            "the audio is silent", path, f"peak {peak:.1e} of full scale", "leave it out, or record it again"
        )
    return samples


def _sixteen_bit(wave: NDArray[np.float64], rate: int) -> NDArray[np.int16]:
    """[samples] float64 in [-1, 1) at `rate` to int16 at 16 kHz; 16 bits at that rate stay as they are."""
    if rate != SAMPLE_RATE and len(wave):
        divisor = np.gcd(SAMPLE_RATE, rate)
        wave = resample_poly(wave, SAMPLE_RATE // divisor, rate // divisor)
    return np.clip(np.round(wave * 32768.0), -32768, 32767).astype(np.int16)


def _refuse_shorten(path: Path) -> None:
    """Name the one NIST SPHERE coding that cannot be read, which older copies of LDC corpora have."""
    try:
        with path.open("rb") as file:
            header = file.read(1024)
    except OSError as error:
        cause = error.strerror or str(error)
        raise Fault("the audio file is unreadable", path, cause, "check its permissions") from None
    if header.startswith(b"NIST_1A") and b"shorten" in header:
        raise Fault(
            "the audio is compressed with shorten",
            path,
            "NIST SPHERE header, sample_coding",
            "expand it: sph2pipe -f wav IN.WAV OUT.WAV",
        )
