"""ConvNeXt with an inverse-STFT head: magnitudes and phases instead of samples, so no upsampling at 16 kHz.

    [LUT(content); LUT(pitch); W speaker] -> ConvNeXt at 50 and 100 Hz -> exp(m) (cos p + i sin p) -> wave

After Siuzdak, Vocos: closing the gap between time-domain and Fourier-based neural vocoders, ICLR 2024.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.resynthesis.generators.base import (
    BaseGenerator,
    Given,
    Streams,
    Tables,
    exactly,
    joined,
)
from speech_factorization.resynthesis.generators.convnext import FAST, SLOW, Backbone
from speech_factorization.resynthesis.spectral import synthesise
from speech_factorization.strict import Strict

__all__ = ["Generator", "Settings"]

FFT = 640
# Magnitudes of speech at rms 0.05 lie far under this; without it one bad frame could overflow.
LARGEST = 100.0


class Settings(Strict):
    """lut: width of each table and of the speaker's vector; channels, hidden: of blocks, slow at 50, fast at 100 Hz."""

    lut: int = Field(128, gt=0)
    channels: int = Field(512, gt=0)
    hidden: int = Field(1536, gt=0)
    slow: int = Field(5, ge=0)
    fast: int = Field(2, ge=0)


class Generator(BaseGenerator):
    """Units and pitch codes -> wave; F0 in Hz is not looked at."""

    absolute_pitch: ClassVar[bool] = False

    def __init__(self, settings: Settings, streams: Streams) -> None:
        super().__init__(streams)
        self.units = SLOW // streams.hop
        self.tables = Tables(streams, settings.lut)
        self.enter = nn.Linear(3 * settings.lut * self.units, settings.channels)
        self.backbone = Backbone(settings.channels, settings.hidden, settings.slow, settings.fast)
        self.head = nn.Linear(settings.channels, FFT + 2)
        self.context = self.backbone.context + SLOW + FFT

    def make(self, given: Given) -> Tensor:
        x = joined(self.tables(given).mT, self.units)
        m, p = exactly(self.head, self.backbone(self.enter(x))).mT.chunk(2, 1)
        return synthesise(torch.polar(m.exp().clamp(max=LARGEST), p), FFT, FAST)
