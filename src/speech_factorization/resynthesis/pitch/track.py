"""F0 every 5 ms and whether there is any: three published trackers under one roof.

dio      DIO (Morise et al., 2009) refined by StoneMask, both of WORLD (Morise et al., IEICE Trans. 2016)
harvest  Harvest (Morise, Interspeech 2017), also of WORLD
yaapt    YAAPT (Kasi and Zahorian, ICASSP 2002), with the settings of the released code of speech resynthesis
"""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pyworld
from amfm_decompy import pYAAPT as amfm
from amfm_decompy.basic_tools import SignalObj
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.pitch.settings import Tracker

__all__ = ["HIGHEST", "HOP", "LOWEST", "TRACKERS", "track"]

HOP = 80
"""Samples from one value of F0 to the next, 5 ms at 16 kHz."""

LOWEST, HIGHEST = 60.0, 500.0
"""The F0 looked for, Hz."""

RATE = 16_000
PIECE = 20 * RATE
CONTEXT = RATE

# DIO's filters per octave. WORLD's own 2 is faster by a quarter and wrong in a tenth more frames.
CHANNELS = 3.0

# YAAPT computes frames of 20 ms at its own places: so many samples before the first one bring them to ours.
YAAPT_LEAD = 80
YAAPT_HIGHEST = 400.0
YAAPT_SHORTEST = 640

Wave = NDArray[np.floating]
F0 = NDArray[np.float32]


def track(wave: Wave, tracker: Tracker = "dio") -> F0:
    """F0 in Hz, [ceil(samples / 80)], 0 where unvoiced, of wave [samples] at 16 kHz of any level.

    Value i is F0 in the middle of samples [80 i, 80 (i + 1)). Over 20 s the wave is tracked in pieces of
    20 s that see one second more at both ends, so memory does not grow. A silent wave is unvoiced.
    Errors: not one channel; a sample that is no finite number.
    """
    if wave.ndim != 1:
        raise InputError(f"a wave of shape {list(wave.shape)}", remedy="give one channel, [samples]")
    if not np.isfinite(wave).all():
        raise InputError("a sample is not a finite number", remedy="write the sound anew")
    whole = np.zeros(-(-len(wave) // HOP), np.float32)
    for begin in range(0, len(wave), PIECE):
        end = min(begin + PIECE, len(wave))
        first = max(begin - CONTEXT, 0)
        piece = np.asarray(wave[first : end + CONTEXT], np.float64)
        found = _track_piece(piece, TRACKERS[tracker])
        skip, wanted = (begin - first) // HOP, -(-(end - begin) // HOP)
        whole[begin // HOP :][:wanted] = found[skip : skip + wanted]
    return whole


def _track_piece(wave: NDArray[np.float64], tracker: Callable[[NDArray[np.float64]], Wave]) -> F0:
    """F0 [ceil(samples / 80)] of a wave short enough to be tracked at once."""
    f0 = np.zeros(-(-len(wave) // HOP), np.float32)
    peak = np.abs(wave).max(initial=0)
    if peak > 0:
        found = tracker(wave / peak)[: len(f0)]
        sensible = np.isfinite(found) & (found >= LOWEST) & (found <= HIGHEST)
        f0[: len(found)] = np.where(sensible, found, 0)
    return f0


def _dio(wave: NDArray[np.float64]) -> Wave:
    middle = _centred(wave)
    f0, times = pyworld.dio(
        middle,
        RATE,
        f0_floor=LOWEST,
        f0_ceil=HIGHEST,
        channels_in_octave=CHANNELS,
        frame_period=1000 * HOP / RATE,
    )
    refined: Wave = pyworld.stonemask(middle, f0, times, RATE)
    return refined


def _harvest(wave: NDArray[np.float64]) -> Wave:
    middle = _centred(wave)
    f0: Wave
    f0, _ = pyworld.harvest(middle, RATE, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=1000 * HOP / RATE)
    return f0


def _centred(wave: NDArray[np.float64]) -> NDArray[np.float64]:
    """WORLD's value i is at sample 80 i: that of this wave is where ours is, in the middle of the hop."""
    return np.ascontiguousarray(np.pad(wave, (0, HOP))[HOP // 2 :])


def _yaapt(wave: NDArray[np.float64]) -> Wave:
    # Behind the end there must be a frame of its longest kind.
    signal = SignalObj(np.pad(wave, (YAAPT_LEAD, 5 * HOP)), RATE)
    settings = {
        "frame_length": 20.0,
        "tda_frame_length": 25.0,
        "frame_space": 1000 * HOP / RATE,
        "nccf_thresh1": 0.25,
        "f0_min": LOWEST,
        "f0_max": YAAPT_HIGHEST,
    }
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # Means of nothing, where no frame is voiced; it goes on rightly.
        warnings.simplefilter("ignore")
        try:
            f0: Wave = amfm.yaapt(signal, **settings).samp_values
        except (IndexError, ValueError):
            # Too few frames for its filters: too short to hold a few periods of speech.
            if len(wave) >= YAAPT_SHORTEST:
                raise
            return np.zeros(0)
    return _from_lags(f0)


def _from_lags(f0: Wave) -> Wave:
    """F0 as YAAPT's correlation means it: the package has the lag one sample too long (22 cents at 200 Hz).

    What comes of a lag is a whole fraction of the rate; what comes of the spectrum is right as it is.
    """
    lag = RATE / np.where(f0 > 0, f0, 1.0)
    of_lag = (f0 > 0) & (np.abs(lag - np.rint(lag)) < 1e-6)
    return np.where(of_lag, RATE / np.maximum(lag - 1, 1.0), f0)


TRACKERS: Mapping[Tracker, Callable[[NDArray[np.float64]], Wave]] = {
    "dio": _dio,
    "harvest": _harvest,
    "yaapt": _yaapt,
}
