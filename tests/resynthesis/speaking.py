"""A model that speaks from codes without having learned anything, and six voices to try it on.

A voice is a height and a formant. The toy keeps of a sound one pitch code every 80 ms, its mean spectrum as the
speaker's vector, and which 20 ms are loud as content; it speaks by filtering a pulse train with the vector.
"""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch import nn

from speech_factorization.errors import InputError
from speech_factorization.evaluation.listening import Listener
from speech_factorization.evaluation.material import Material
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics, of_f0
from speech_factorization.resynthesis.pitch.track import track

CODES, WIDEST = 61, 3.0
VOICES = {
    # speaker: (F0 in Hz, formant in Hz, sex, speaker_split)
    "ann": (220, 900, "F", "train"),
    "bob": (110, 1500, "M", "train"),
    "cat": (240, 2300, "F", "train"),
    "dan": (130, 700, "M", "test"),
    "eve": (200, 2700, "F", "test"),
    "fay": (180, 1200, "F", "test"),
}
TEXTS = ("one", "two", "three", "four", "shared")


def pulses(f0: np.ndarray, samples: int) -> np.ndarray:
    """A band-limited pulse train [samples] of F0 [T] every 80 samples; nothing where it is 0."""
    contour = np.repeat(f0, 80)[:samples].astype(np.float64)
    phase = 2 * np.pi * np.cumsum(contour) / 16_000
    harmonics = [np.cos(k * phase) * (contour * k < 7600) for k in range(1, 40)]
    return np.where(contour > 0, np.sum(harmonics, axis=0), 0) / 10


def filtered(wave: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """A wave through a filter whose gains [F] lie evenly from 0 to 8 kHz."""
    spectrum = np.fft.rfft(wave)
    places = np.linspace(0, len(gains) - 1, len(spectrum))
    return np.fft.irfft(spectrum * np.interp(places, np.arange(len(gains)), gains), len(wave))


def vector(wave: np.ndarray) -> np.ndarray:
    """The mean spectrum [256] of unit length."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, (256, 768)), 512)[::256] * np.hanning(512)
    mean = np.abs(np.fft.rfft(frames))[:, :256].mean(0)
    smooth = np.convolve(mean, np.ones(31) / 31, "same")
    return (smooth / max(np.linalg.norm(smooth), 1e-9)).astype(np.float32)


def spoken(speaker: str, text: str) -> np.ndarray:
    """1.2 s of a voice; the words are in how F0 moves and in a pause."""
    height, formant, _, _ = VOICES[speaker]
    n = 1 + TEXTS.index(text)
    time = np.arange(240) / 240
    f0 = height * np.exp(0.15 * np.sin(2 * np.pi * n * time / 2 + len(speaker)))
    f0[: 10 + n] = f0[60 + 10 * n : 80 + 10 * n] = 0
    gains = np.exp(-0.5 * ((np.linspace(0, 8000, 256) - formant) / 400) ** 2) + 0.02
    wave = filtered(pulses(f0, 19_200), gains)
    noise = np.random.default_rng(n).normal(size=len(wave))
    return (0.1 * wave / np.abs(wave).max() + 1e-4 * noise).astype(np.float32)


class Speaker(nn.Module):
    def embed(self, wave):
        return torch.from_numpy(vector(wave.numpy()))


class Table(nn.Module):
    """Knows voices by name alone."""

    def embed_name(self, name):
        raise AssertionError("vectors come from the archive")

    def embed(self, wave):
        raise InputError("the speaker table knows no voice by its sound", remedy="train again")


class Toy(nn.Module):
    inputs = ("waves",)
    tracker = "dio"

    def __init__(self, absolute_pitch: bool = True) -> None:
        super().__init__()
        self.absolute_pitch = absolute_pitch
        self.speaker = Speaker()

    def encode(self, wave, statistics=None, speaker=None):
        sound = wave.numpy()
        f0 = track(sound)
        statistics = statistics or of_f0(f0) or PitchStatistics.fit([("x", np.full(9, 150.0))]).everyone
        pitch = self.encode_pitch(torch.from_numpy(f0), statistics)
        level = float(np.sqrt(np.mean(sound**2)))
        loud = [float(np.abs(sound[i : i + 320]).max() > level / 4) for i in range(0, len(sound), 320)]
        content = torch.tensor(loud).long()
        voice = self.speaker.embed(wave) if speaker is None else speaker
        return Codes(content, pitch, voice, statistics, len(sound), level)

    def encode_pitch(self, f0, statistics):
        blocks = torch.nn.functional.pad(f0, (0, -len(f0) % 16)).view(-1, 16)
        voiced = blocks > 0
        mean = torch.where(voiced, blocks.clamp(min=1).log(), 0).sum(1) / voiced.sum(1).clamp(min=1)
        z = ((mean - statistics.mean) / statistics.std).clamp(-WIDEST, WIDEST)
        code = 1 + torch.round((z / WIDEST + 1) / 2 * (CODES - 1)).long()
        return torch.where(voiced.sum(1) >= 8, code, 0)

    def decode_pitch(self, codes):
        z = (2 * (codes.pitch - 1) / (CODES - 1) - 1) * WIDEST
        f0 = torch.where(codes.pitch > 0, (codes.statistics.mean + codes.statistics.std * z).exp(), 0)
        return f0.repeat_interleave(16)[: -(-codes.samples // 80)].float()

    def decode(self, codes):
        wave = filtered(pulses(self.decode_pitch(codes).numpy(), codes.samples), codes.speaker.numpy())
        rms = np.sqrt(np.mean(wave**2))
        return torch.from_numpy((wave * codes.level / max(rms, 1e-9)).astype(np.float32))


class Deaf(Toy):
    """Speaks in the voice and at the height it heard, whatever the codes say."""

    def encode(self, wave, statistics=None, speaker=None):
        self.heard = wave
        return super().encode(wave, statistics, speaker)

    def decode(self, codes):
        return self.heard


class Ear(nn.Module):
    """Stands for the verification network: cosines of mean spectra."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(1))

    def embed(self, waves):
        return torch.stack([torch.from_numpy(vector(wave.numpy())) for wave in waves])


class PhoneEar:
    """Stands for the judge of phones: a centre is `loud` or `quiet`."""

    members = {"phone": nn.BatchNorm1d(1)}

    def posterior_of_sound(self, wave, centres):
        level = wave.square().mean().sqrt()
        loud = torch.stack(
            [wave[max(c - 160, 0) : c + 160].abs().max() > level / 2 for c in centres.tolist()]
        )
        return {"phone": torch.stack([loud.float(), 1 - loud.float()], 1)}


def material(**changed) -> Material:
    """The six voices, five sentences each; every sentence has four segments."""
    return replace(_material(), **changed)


@cache
def _material() -> Material:
    rows, segments = [], []
    for speaker, (_, _, sex, split) in VOICES.items():
        for text in TEXTS:
            name = f"{speaker}_{text}"
            kind = "test" if text in ("two", "three") else "train"
            rows.append((name, speaker, sex, kind, split, text))
            wave = spoken(speaker, text)
            loud = PhoneEar().posterior_of_sound(
                torch.from_numpy(wave), torch.tensor([400, 3000, 9600, 15_000])
            )
            for centre, p in zip((400, 3000, 9600, 15_000), loud["phone"], strict=True):
                segments.append((name, "loud" if p[0] > 0 else "quiet", centre))
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "sex", "split", "speaker_split", "text"])
    waves = {name: spoken(*name.split("_")) for name in table["utterance"]}
    f0 = {name: track(wave) for name, wave in waves.items()}
    listener = Listener(
        PhoneEar(),
        ("loud", "quiet"),
        pd.DataFrame(segments, columns=["utterance", "phone", "centre"]),
        Ear(),
        track,
    )
    return Material(
        table,
        waves.__getitem__,
        f0,
        {name: vector(wave) for name, wave in waves.items()},
        PitchStatistics.fit([(name.split("_")[0], contour) for name, contour in f0.items()]),
        listener,
    )


def no_waves() -> SimpleNamespace:
    return SimpleNamespace(inputs=("utterances",))
