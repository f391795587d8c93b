"""Discriminators of waves: one looks at every p-th sample, the other at ever coarser averages.

Multi-period: Kong, Kim and Bae, HiFi-GAN, NeurIPS 2020; multi-scale: Kumar et al., MelGAN, NeurIPS 2019. The
sizes that stand here are HiFi-GAN's: 41.1 and 29.6 million parameters.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, NamedTuple

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from speech_factorization.strict import Strict

__all__ = ["Discriminators", "MultiPeriod", "MultiScale", "DiscriminatorSettings", "Verdict"]

SLOPE = 0.1
Sizes = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class DiscriminatorSettings(Strict):
    """periods, period_channels: of the multi-period ones; scales: how many multi-scale ones, each at half the last
    one's rate, with scale_channels at their first layer and 8 times as many at their last.
    """

    periods: Sizes = [2, 3, 5, 7, 11]
    period_channels: Sizes = [32, 128, 512, 1024, 1024]
    scales: int = Field(3, gt=0)
    scale_channels: int = Field(128, gt=0, multiple_of=16)


class Verdict(NamedTuple):
    """What one discriminator says of a wave: scores [N, any shape], and the output of each of its layers."""

    scores: Tensor
    features: list[Tensor]


class Discriminators(nn.Module):
    """Wave [N, samples] -> a verdict of every discriminator."""

    def __init__(self, settings: DiscriminatorSettings) -> None:
        super().__init__()
        self.periods = MultiPeriod(settings.periods, settings.period_channels)
        self.scales = MultiScale(settings.scales, settings.scale_channels)

    def forward(self, wave: Tensor) -> list[Verdict]:
        return [*self.periods(wave), *self.scales(wave)]


class MultiPeriod(nn.Module):
    """One discriminator for each period."""

    def __init__(self, periods: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        self.members = nn.ModuleList(Period(period, channels) for period in periods)

    def forward(self, wave: Tensor) -> list[Verdict]:
        return [member(wave) for member in self.members]


class Period(nn.Module):
    """The wave folded to [N, 1, samples / p, p]; its convolutions see one column, every p-th sample, at a time."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        strides = [3] * (len(channels) - 1) + [1]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (5, 1), (stride, 1), padding=(2, 0)))
            for (i, o), stride in zip(pairwise([1, *channels]), strides, strict=True)
        )
        self.last = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wave: Tensor) -> Verdict:
        x = functional.pad(wave[:, None], (0, -wave.shape[-1] % self.period), "reflect")
        return _judge(x.view(len(x), 1, -1, self.period), self.layers, self.last)


class MultiScale(nn.Module):
    """One discriminator for the wave itself, under spectral normalisation, and one for each halving of its rate."""

    def __init__(self, scales: int, channels: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(Scale(channels, spectral=i == 0) for i in range(scales))

    def forward(self, wave: Tensor) -> list[Verdict]:
        x, verdicts = wave[:, None], []
        for i, member in enumerate(self.members):
            x = functional.avg_pool1d(x, 4, 2, padding=2) if i else x
            verdicts.append(member(x))
        return verdicts


class Scale(nn.Module):
    """Long, strided, grouped convolutions over [N, 1, samples]."""

    def __init__(self, channels: int, spectral: bool) -> None:
        super().__init__()
        norm, c = spectral_norm if spectral else weight_norm, channels
        # (channels in, out, kernel, stride, groups)
        shapes = [
            (1, c, 15, 1, 1),
            (c, c, 41, 2, 4),
            (c, 2 * c, 41, 2, 16),
            (2 * c, 4 * c, 41, 4, 16),
            (4 * c, 8 * c, 41, 4, 16),
            (8 * c, 8 * c, 41, 1, 16),
            (8 * c, 8 * c, 5, 1, 1),
        ]
        self.layers = nn.ModuleList(
            norm(nn.Conv1d(i, o, kernel, stride, kernel // 2, groups=groups))
            for i, o, kernel, stride, groups in shapes
        )
        self.last = norm(nn.Conv1d(8 * c, 1, 3, padding=1))

    def forward(self, x: Tensor) -> Verdict:
        return _judge(x, self.layers, self.last)


def _judge(x: Tensor, layers: nn.ModuleList, last: nn.Module) -> Verdict:
    features = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), SLOPE)
        features.append(x)
    scores = last(x)
    return Verdict(scores.flatten(1), [*features, scores])
