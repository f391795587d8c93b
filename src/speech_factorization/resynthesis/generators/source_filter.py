"""A pulse train and noise, each through a filter that the codes decide: an explicit source, which the paper lacks.

    wave = iSTFT(G_h STFT(e) + G_n STFT(noise))

e has the F0 of the codes (resynthesis/source.py), so pitch needs no learning; gains G are real and positive, in mel
bands, exp of a linear map. After Wang, Takaki and Yamagishi, Neural source-filter waveform models, IEEE/ACM TASLP
2020, with the filters in frequency.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.resynthesis.generators.base import (
    BLOCK,
    SPEAKER,
    BaseGenerator,
    Given,
    Streams,
    exactly,
    joined,
)
from speech_factorization.resynthesis.generators.convnext import FAST, SLOW, Backbone
from speech_factorization.resynthesis.source import FRAME, pulses
from speech_factorization.resynthesis.spectral import analyse, synthesise
from speech_factorization.strict import Strict

__all__ = ["Generator", "Settings"]

FFT = 640
# Middle of the range of voices, what log F0 is relative to; and of gains to begin with.
F0 = 150.0
LOG_GAIN = -3.0


class Settings(Strict):
    """channels, hidden: of the ConvNeXt blocks, slow at 50 Hz and fast at 100 Hz; bands: of each filter."""

    channels: int = Field(128, gt=0)
    hidden: int = Field(384, gt=0)
    slow: int = Field(3, ge=0)
    fast: int = Field(1, ge=0)
    bands: int = Field(80, ge=2)


class Generator(BaseGenerator):
    """Units, pitch codes and F0 in Hz -> wave."""

    absolute_pitch: ClassVar[bool] = True
    spread: Tensor

    def __init__(self, settings: Settings, streams: Streams) -> None:
        super().__init__(streams)
        self.condition = Condition(streams, settings.channels)
        self.backbone = Backbone(settings.channels, settings.hidden, settings.slow, settings.fast)
        self.gains = nn.Linear(settings.channels, 2 * settings.bands)
        nn.init.zeros_(self.gains.weight)
        nn.init.constant_(self.gains.bias, LOG_GAIN)
        self.register_buffer("spread", band_interpolation(settings.bands, FFT // 2 + 1), persistent=False)
        self.context = self.backbone.context + SLOW + FFT

    def make(self, given: Given) -> Tensor:
        log_gains = exactly(self.log_gains, self.backbone(self.condition(given)))
        g_h, g_n = log_gains.exp().transpose(1, 3).unbind(2)
        e = pulses(given.f0, given.source.phase)
        spectrum = g_h * analyse(e, FFT, FAST) + g_n * analyse(given.source.noise, FFT, FAST)
        return synthesise(spectrum, FFT, FAST)

    def log_gains(self, x: Tensor) -> Tensor:
        """[N, T, 2, bins], of the pulses and of the noise, of the backbone's x [N, T, channels]."""
        in_bands = self.gains(x)
        y: Tensor = in_bands.view(*in_bands.shape[:-1], 2, -1) @ self.spread
        return y


class Condition(nn.Module):
    """The sum of what is known of each 20 ms: unit, pitch code, voicing and log F0, speaker; [N, T, channels]."""

    def __init__(self, streams: Streams, channels: int) -> None:
        super().__init__()
        self.units, self.frames = SLOW // streams.hop, SLOW // FRAME
        self.content = nn.Embedding(streams.codes, channels)
        self.join = nn.Linear(self.units * channels, channels) if self.units > 1 else nn.Identity()
        self.pitch = nn.Embedding(streams.pitch_codes, channels)
        self.f0 = nn.Linear(2 * self.frames, channels)
        self.speaker = nn.Linear(SPEAKER, channels)
        for table in (self.content, self.pitch):
            nn.init.normal_(table.weight, std=0.5)

    def forward(self, given: Given) -> Tensor:
        content = self.join(joined(self.content(given.content), self.units))
        pitch = self.pitch(given.pitch).repeat_interleave(BLOCK // SLOW, 1)
        # Numbers near 1: a vector of unit length has entries of a sixteenth, log F0 moves by half an octave.
        speaker = self.speaker(16 * given.speaker)[:, None]
        voiced = (given.f0 > 0).to(given.f0.dtype)
        log_f0 = 2 * voiced * (given.f0.clamp(min=1) / F0).log()
        f0 = self.f0(joined(torch.stack([voiced, log_f0], -1), self.frames))
        y: Tensor = content + pitch + f0 + speaker
        return y


def band_interpolation(bands: int, bins: int) -> Tensor:
    """[bands, bins]: what is given at points equally far apart in mel from 0 to 8 kHz, at every bin."""
    mel = torch.log1p(torch.linspace(0, 8000, bins) / 700)
    place = mel / mel[-1] * (bands - 1)
    return (1 - (place - torch.arange(bands)[:, None]).abs()).clamp(min=0)
