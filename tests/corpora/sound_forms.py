"""Sound files of every form that is read, as tests write them."""

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

# Form, coding, how far a sample of 16 bits may come back from itself (None: the coding is lossy).
FORMS: list[tuple[str, str, int | None]] = [
    ("WAV", "PCM_U8", 256),
    ("WAV", "PCM_16", 0),
    ("WAV", "PCM_24", 0),
    ("WAV", "PCM_32", 0),
    ("WAV", "FLOAT", 0),
    ("WAV", "DOUBLE", 0),
    ("WAV", "ULAW", 256),
    ("WAV", "ALAW", 256),
    ("WAVEX", "PCM_16", 0),
    ("WAVEX", "PCM_24", 0),
    ("WAVEX", "FLOAT", 0),
    ("FLAC", "PCM_16", 0),
    ("FLAC", "PCM_24", 0),
    ("OGG", "VORBIS", None),
    ("OGG", "OPUS", None),
    ("MP3", "MPEG_LAYER_III", None),
    ("NIST", "PCM_16", 0),
    ("NIST", "ULAW", 256),
    ("NIST", "ALAW", 256),
    ("AIFF", "PCM_16", 0),
    ("AU", "PCM_16", 0),
    ("AU", "ULAW", 256),
    ("RF64", "PCM_16", 0),
]
NAMES = [f"{form}-{coding}" for form, coding, _ in FORMS]


def written(form: str, coding: str, wave: NDArray[np.int16], rate: int = 16_000) -> bytes:
    """A sound file as libsndfile writes it."""
    file = io.BytesIO()
    samples = wave / 32768 if coding in ("FLOAT", "DOUBLE") else wave
    soundfile.write(file, samples, rate, format=form, subtype=coding)
    return file.getvalue()


def tone(samples: int, rate: int = 16_000) -> NDArray[np.int16]:
    """A soft tone with a slow rise: no two places alike, kept well by lossy codings."""
    time = np.arange(samples) / rate
    wave = (0.1 + 0.2 * np.arange(samples) / samples) * np.sin(2 * np.pi * 440 * time)
    return np.round(32767 * wave).astype(np.int16)


def sphere_of(payload: bytes, **fields: str) -> bytes:
    """A SPHERE file of these fields ("" leaves one out), 16 kHz mono 16-bit where not said otherwise."""
    there = {
        "sample_count": "-i 16000",
        "sample_rate": "-i 16000",
        "channel_count": "-i 1",
        "sample_n_bytes": "-i 2",
        "sample_byte_format": "-s2 01",
    } | fields
    lines = ["NIST_1A", "   1024", *(f"{name} {value}" for name, value in there.items() if value), "end_head"]
    return ("\n".join(lines) + "\n").encode().ljust(1024) + payload
