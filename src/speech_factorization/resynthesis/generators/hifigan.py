"""HiFi-GAN's generator on lookup tables of units and pitch codes, as published.

    [LUT(content); LUT(pitch); W speaker] -> transposed convolutions, each with multi-receptive-field fusion behind it

Kong, Kim and Bae, HiFi-GAN, NeurIPS 2020; Polyak et al., Speech resynthesis from discrete disentangled
self-supervised representations, Interspeech 2021.
"""

from collections.abc import Sequence
from math import prod
from typing import Annotated, ClassVar, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.generators.base import BaseGenerator, Given, Streams, Tables, exactly
from speech_factorization.strict import Strict

__all__ = ["Generator", "Settings"]

KERNEL = 7
Sizes = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class Settings(Strict):
    """lut: width of each table and of the speaker's vector. channels: before the first upsampling; each halves them.

    rates, kernels: of the transposed convolutions, of which the first so many are taken as fill a unit (units at
    100 Hz do without the last of the published five). fusion: kernels of the residual blocks that are averaged
    behind each; dilations: in each of those blocks.
    """

    lut: int = Field(128, gt=0)
    channels: int = Field(512, gt=0)
    rates: Sizes = [5, 4, 4, 2, 2]
    kernels: Sizes = [11, 8, 8, 4, 4]
    fusion: Sizes = [3, 7, 11]
    dilations: Sizes = [1, 3, 5]

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        """Each stage multiplies time by its rate exactly, and has a channel."""
        if len(self.rates) != len(self.kernels):
            raise ValueError("rates and kernels are not equally many")
        for rate, kernel in zip(self.rates, self.kernels, strict=True):
            if kernel < rate or (kernel - rate) % 2:
                raise ValueError(f"a kernel of {kernel} does not fit the rate {rate}: an even number more")
        if self.channels % 2 ** len(self.rates):
            raise ValueError(f"channels are no multiple of {2 ** len(self.rates)}")
        if any(kernel % 2 == 0 for kernel in self.fusion):
            raise ValueError("kernels of fusion are odd")
        return self


class Generator(BaseGenerator):
    """Units and pitch codes -> wave; F0 in Hz is not looked at."""

    absolute_pitch: ClassVar[bool] = False

    def __init__(self, settings: Settings, streams: Streams) -> None:
        super().__init__(streams)
        stages = _stages(settings.rates, streams.hop)
        rates, kernels = settings.rates[:stages], settings.kernels[:stages]
        widths = [settings.channels >> i for i in range(stages + 1)]
        self.tables = Tables(streams, settings.lut)
        self.first = weight_norm(nn.Conv1d(3 * settings.lut, widths[0], KERNEL, padding=KERNEL // 2))
        self.ups = nn.ModuleList(
            weight_norm(
                nn.ConvTranspose1d(widths[i], widths[i + 1], kernel, rate, padding=(kernel - rate) // 2)
            )
            for i, (rate, kernel) in enumerate(zip(rates, kernels, strict=True))
        )
        self.fusions = nn.ModuleList(
            nn.ModuleList(Residual(width, kernel, settings.dilations) for kernel in settings.fusion)
            for width in widths[1:]
        )
        self.last = weight_norm(nn.Conv1d(widths[-1], 1, KERNEL, padding=KERNEL // 2))
        self.context = _context(rates, kernels, settings.fusion, settings.dilations)

    def make(self, given: Given) -> Tensor:
        x = self.first(self.tables(given))
        for up, fusion in zip(self.ups, self.fusions, strict=True):
            x = up(functional.leaky_relu(x, 0.1))
            x = torch.stack([block(x) for block in cast(nn.ModuleList, fusion)]).mean(0)
        return exactly(self.last, functional.leaky_relu(x)).tanh()[:, 0]


class Residual(nn.Module):
    """x <- x + conv(lrelu(dilated conv(lrelu(x)))) for each dilation, [N, channels, T]."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(_same(channels, kernel, dilation) for dilation in dilations)
        self.plain = nn.ModuleList(_same(channels, kernel, 1) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            x = x + plain(functional.leaky_relu(dilated(functional.leaky_relu(x, 0.1)), 0.1))
        return x


def _same(channels: int, kernel: int, dilation: int) -> nn.Module:
    padding = dilation * (kernel // 2)
    layer: nn.Module = weight_norm(nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=padding))
    return layer


def _stages(rates: Sequence[int], hop: int) -> int:
    """How many of the rates fill a unit of `hop` samples."""
    for stages in range(1, len(rates) + 1):
        if prod(rates[:stages]) == hop:
            return stages
    what = f"rates {list(rates)} do not multiply to the {hop} samples of a unit"
    raise InputError(what, "hp.speech_resynthesis.hifigan.rates", "change them, or the units")


def _context(
    rates: Sequence[int], kernels: Sequence[int], fusion: Sequence[int], dilations: Sequence[int]
) -> int:
    """Samples on either side that a sample depends on, from the last layer back to the first."""
    samples, step = KERNEL // 2, 1
    for rate, kernel in reversed(list(zip(rates, kernels, strict=True))):
        samples += step * max(k // 2 for k in fusion) * sum(dilation + 1 for dilation in dilations)
        samples += step * (kernel - 1)
        step *= rate
    return samples + step * (KERNEL // 2)
