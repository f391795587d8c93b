"""Codec2 (Rowe), where its programs c2enc and c2dec are on PATH: 8 kHz speech at 450 to 3200 bits per second.

Its sound has nothing above 4 kHz and comes late by its window; the delay is taken away before it is compared.
"""

import shutil
import subprocess
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate, resample_poly

from speech_factorization.evaluation.codecs.base import Coded, NotThere, fitted

__all__ = ["MODES", "encode"]

MODES = ("700C", "1300", "2400", "3200")
RATE, WIDE = 8_000, 16_000
SECONDS = 60
LATEST = WIDE // 10
"""Samples of delay at most that are looked for, 0.1 s."""

SMOOTHED = WIDE // 200  # 5 ms


def encode(wave: NDArray[np.float32], mode: str) -> Coded:
    """wave [samples] at 16 kHz in one of Codec2's modes. Errors: NotThere."""
    lacking = [name for name in ("c2enc", "c2dec") if shutil.which(name) is None]
    if lacking:
        raise NotThere(f"no {' and no '.join(lacking)} on PATH; install codec2")
    narrow = np.clip(np.rint(32768 * resample_poly(wave, RATE, WIDE)), -32768, 32767).astype("<i2")
    code = _through("c2enc", mode, narrow.tobytes())
    decoded = np.frombuffer(_through("c2dec", mode, code), "<i2").astype(np.float32) / 32768
    if not len(decoded):
        raise NotThere(f"c2dec {mode} gave no sound; install another version of codec2")
    bits = 8 * len(code)
    return Coded(fitted(_in_time(resample_poly(decoded, WIDE, RATE), wave), len(wave)), bits, bits)


def _through(program: str, mode: str, data: bytes) -> bytes:
    """What a program makes of `data`."""
    try:
        done = subprocess.run([program, mode, "-", "-"], input=data, capture_output=True, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThere(f"{program} {mode} does not run ({type(error).__name__}); install it anew") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit status {done.returncode}"
        raise NotThere(f"{program} {mode} failed ({reason}); install another version of codec2")
    return done.stdout


def _in_time(late: NDArray[Any], wave: NDArray[np.float32]) -> NDArray[Any]:
    """Begun later by the delay, 0 to 0.1 s, at which the envelopes are most alike: phases are not kept."""
    a, b = (np.convolve(np.abs(x), np.ones(SMOOTHED), "same") for x in (late, wave))
    lags = correlate(a - a.mean(), b - b.mean())[len(b) - 1 :][:LATEST]
    return late[int(np.argmax(lags)) :]
