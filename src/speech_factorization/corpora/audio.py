"""Sound files of any kind to one kind of wave: int16, 16 kHz, mono."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.resample import sixteen_bit
from speech_factorization.corpora.sound_files import Sound, open_sound

__all__ = ["RATES", "SHORTEST", "read_audio", "read_sound", "source_rate"]

SHORTEST = SAMPLE_RATE // 10
"""Samples: a recording under 0.1 s holds no phone with its context."""

RATES = (8_000, 48_000)
"""Hz: the lowest and the highest rate that is read."""

OVERSHOOT = 0.02
"""Seconds a segment may end after its recording: lists of segments are rounded to 10 ms."""

_SILENT = 1e-3
"""Full scale 1: a recording within +-33 of 32768 (-60 dB) of one value is taken for silence."""

_LOUDEST = 8.0
"""Full scale 1: samples of a float file beyond are of another scale (those between are clipped)."""


def read_audio(
    path: Path, channel: int | None = None, begin: float = 0.0, end: float | None = None
) -> NDArray[np.int16]:
    """The wave of a sound file or of a segment of one: [samples] int16 at 16 kHz; see `read_sound`."""
    return read_sound(path, channel, begin, end)[0]


def read_sound(
    path: Path, channel: int | None = None, begin: float = 0.0, end: float | None = None
) -> tuple[NDArray[np.int16], int]:
    """The wave of a sound file or of a segment of one, [samples] int16 at 16 kHz, and the file's own rate in Hz.

    WAV of 8 to 32 bits or float, FLAC, OGG (Vorbis, Opus), MP3, NIST SPHERE, and what else libsndfile reads; 8 to
    48 kHz. It is read block by block: in memory is the result, 1.9 MB a minute, and little more. Of an OGG or MP3
    file all that lies before a segment is decoded too: where long ones have many segments, convert them to FLAC.
    channel: 1 is the first; needed where there are several. begin, end: seconds, the end of the file if None.
    They are rounded to samples of the file. Other rates are resampled by a polyphase filter; what overshoots is
    clipped, never wrapped.
    Fault: missing, unreadable, cut off, damaged, of another rate, several channels and none chosen, no such channel,
    no such segment, not a number, of another scale, too short, silent.
    """
    if not (math.isfinite(begin) and begin >= 0 and (end is None or (math.isfinite(end) and end > begin))):
        times = f"{begin} s to " + ("the end" if end is None else f"{end} s")
        raise Fault("the segment's times make no sense", path, times, "set begin before end, in seconds")
    with _opened(path) as sound:
        column = _column(path, sound.channels, channel)
        first = round(begin * sound.rate)
        last = None if end is None else round(end * sound.rate)
        rate, span = sound.rate, _Span()
        parts = sixteen_bit(_measured(path, _parts(sound, column, first, last), span), rate)
        wave = np.concatenate([np.zeros(0, dtype=np.int16), *parts])
        if last is not None or begin > 0:
            _check_segment(path, span.samples, first, last, rate)
    if len(wave) < SHORTEST:
        raise Fault(
            "the audio is too short",
            path,
            f"{span.samples / rate:.3f} s",
            f"leave it out, or give at least {SHORTEST / SAMPLE_RATE} s",
        )
    # Half the range: a constant offset is silence too.
    peak = (span.highest - span.lowest) / 2
    if peak < _SILENT:
        raise Fault(
            "the audio is silent", path, f"peak {peak:.1e} of full scale", "leave it out, or record it again"
        )
    return wave, rate


def source_rate(path: Path) -> int:
    """The file's own sample rate in Hz: under 16 kHz it is narrow-band. Fault: as `read_sound`."""
    with _opened(path) as sound:
        return sound.rate


@contextmanager
def _opened(path: Path) -> Iterator[Sound]:
    """A sound file of a rate that is read."""
    if not path.is_file():
        raise Fault("the audio file is missing", path, "", "check the name, or copy the file again")
    with open_sound(path) as sound:
        lowest, highest = RATES
        if not lowest <= sound.rate <= highest:
            raise Fault(
                f"the audio's rate is not within {lowest} to {highest} Hz",
                path,
                f"{sound.rate} Hz",
                "resample it, e.g. sox IN.wav -r 16000 OUT.wav",
            )
        yield sound


def _column(path: Path, channels: int, channel: int | None) -> int:
    """Where the chosen channel stands in [frames, channels]."""
    if channel is None and channels != 1:
        raise Fault(
            "the audio is not mono",
            path,
            f"{channels} channels",
            f"choose a channel from 1 to {channels}, or keep one, e.g. sox IN.wav OUT.wav remix 1",
        )
    if channel is not None and not 1 <= channel <= channels:
        there = "1 channel" if channels == 1 else f"{channels} channels"
        raise Fault(
            "the audio has no such channel",
            path,
            f"channel {channel} of {there}",
            f"choose from 1 to {channels}",
        )
    return 0 if channel is None else channel - 1


@dataclass
class _Span:
    """What has been read so far: how many samples, and between which values."""

    samples: int = 0
    lowest: float = math.inf
    highest: float = -math.inf


def _parts(sound: Sound, column: int, first: int, last: int | None) -> Iterator[NDArray[np.float64]]:
    """[samples] of one channel from frame `first` to before `last`, or to the end, block by block."""
    wanted = math.inf if last is None else last - first
    for block in sound.blocks(first):
        part = block[: int(min(wanted, len(block))), column]
        yield part
        wanted -= len(part)
        if wanted <= 0:
            break


def _measured(path: Path, parts: Iterable[NDArray[np.float64]], span: _Span) -> Iterator[NDArray[np.float64]]:
    """The same, with `span` kept up. Fault: samples of a float file are no numbers, or of another scale."""
    for part in parts:
        if not np.isfinite(part).all():
            place = f"sample {span.samples + int(np.argmin(np.isfinite(part)))}"
            raise Fault("the audio has samples that are no numbers", path, place, "export it again")
        span.samples += len(part)
        span.lowest = min(span.lowest, part.min(initial=math.inf))
        span.highest = max(span.highest, part.max(initial=-math.inf))
        loudest = max(-span.lowest, span.highest)
        if loudest > _LOUDEST:
            raise Fault(
                "the audio's float samples are not within -1 and 1",
                path,
                f"peak {loudest:.3g}",
                "divide them by full scale, e.g. 32768, and write it again",
            )
        yield part


def _check_segment(path: Path, samples: int, first: int, last: int | None, rate: int) -> None:
    """Fault: the file ends before the segment begins, or before it ends."""
    wanted = 1 if last is None else last - first
    if (samples or not wanted) and (last is None or samples >= wanted - OVERSHOOT * rate):
        return
    segment = f"from {first / rate:.3f} s" + ("" if last is None else f" to {last / rate:.3f} s")
    end = f"the audio ends at {(first + samples) / rate:.3f} s" if samples else "the audio ends before it"
    raise Fault(
        "the segment ends after the audio",
        path,
        f"{segment}, {end}",
        "correct the segment, or copy the audio again",
    )
