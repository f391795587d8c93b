"""Opus (RFC 6716) through libsndfile, in an Ogg file (RFC 3533, RFC 7845).

libsndfile knows a compression level, from 0 for 256 kbit/s to 1 for 6 kbit/s, and no constant bit rate, so what a
sound really takes is counted: the bytes of its packets, without the two that hold the header and the tags.
"""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from speech_factorization.evaluation.codecs.base import Coded, fitted

__all__ = ["LOWEST", "encode", "packets"]

LOWEST, HIGHEST = 6_000, 256_000
"""Bits per second that libsndfile asks of Opus, of one channel."""

RATE = 16_000
_HEADER = 27
_HEADERS = 2


def encode(wave: NDArray[np.float32], rate: int) -> Coded:
    """wave [samples] at 16 kHz, coded at about `rate` bits per second, which lies between `LOWEST` and `HIGHEST`."""
    level = (HIGHEST - rate) / (HIGHEST - LOWEST)
    file = io.BytesIO()
    soundfile.write(file, wave, RATE, format="OGG", subtype="OPUS", compression_level=level)
    data = file.getvalue()
    decoded, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    bits = 8 * sum(packets(data)[_HEADERS:])
    return Coded(fitted(decoded, len(wave)), bits, 8 * len(data))


def packets(data: bytes) -> list[int]:
    """Bytes of each packet of an Ogg file. A packet goes on for as long as the lengths of its parts are 255."""
    found, place, size = [], 0, 0
    while place < len(data):
        lengths = data[place + _HEADER :][: data[place + _HEADER - 1]]
        for length in lengths:
            size += length
            if length < 255:
                found.append(size)
                size = 0
        place += _HEADER + len(lengths) + sum(lengths)
    return found
