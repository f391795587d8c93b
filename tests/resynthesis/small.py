"""Small parts, generators, batches and a whole small model, none of which has learned anything."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
from speech_factorization.interfaces import Batch, Data, Schedule
from speech_factorization.models.speech_resynthesis import Hyperparameters, Model
from speech_factorization.resynthesis.generators import build, hifigan, istft, source_filter
from speech_factorization.resynthesis.generators.base import BaseGenerator, Streams
from speech_factorization.resynthesis.pitch.coder import PitchCoder
from speech_factorization.resynthesis.pitch.settings import CoderSettings
from speech_factorization.resynthesis.speaker import SpeakerEncoder
from speech_factorization.resynthesis.units.kmeans import KMeansUnits
from speech_factorization.resynthesis.units.settings import KMeansSettings

CODES, PITCH_CODES = 7, 5
SIZES: dict[str, dict[str, Any]] = {
    "source_filter": {"channels": 16, "hidden": 24, "slow": 1, "fast": 1, "bands": 20},
    "istft": {"lut": 4, "channels": 16, "hidden": 24, "slow": 1, "fast": 1},
    "hifigan": {"lut": 4, "channels": 32, "fusion": [3, 5], "dilations": [1, 3]},
}
SETTINGS = {
    "source_filter": source_filter.Settings(**SIZES["source_filter"]),
    "istft": istft.Settings(**SIZES["istft"]),
    "hifigan": hifigan.Settings(**SIZES["hifigan"]),
}
THIN = {"periods": [2, 3], "period_channels": [4, 8], "scales": 2, "scale_channels": 16}


def generator(name: str, hop: int = 320) -> BaseGenerator:
    torch.manual_seed(0)
    made = build(SETTINGS[name], Streams(CODES, hop, PITCH_CODES)).eval()
    if isinstance(made, source_filter.Generator):
        # They begin at zero, and the codes would say nothing.
        nn.init.normal_(made.gains.weight, std=0.3)
    return made


def streams(blocks: int, hop: int = 320, items: int = 2, seed: int = 0) -> dict[str, Tensor]:
    """Codes of `blocks` times 80 ms; F0 glides, with gaps."""
    random = torch.Generator().manual_seed(seed)
    t = torch.arange(16 * blocks).expand(items, -1)
    f0 = 120 + 40 * torch.sin(t / 30 + torch.arange(items)[:, None])
    vectors = torch.randn(items, 256, generator=random)
    return {
        "content": torch.randint(CODES, (items, blocks * 1280 // hop), generator=random),
        "pitch": torch.randint(PITCH_CODES, (items, blocks), generator=random),
        "f0": torch.where(t % 50 < 35, f0, 0.0),
        "speaker": vectors / vectors.norm(dim=1, keepdim=True),
    }


def batch(blocks: int = 2, items: int = 2, seed: int = 0) -> Batch:
    """A batch whose waves are buzzes at F0."""
    given = streams(blocks, items=items, seed=seed)
    cycles = given["f0"].repeat_interleave(80, 1).cumsum(1) / 16_000
    noise = torch.randn(cycles.shape, generator=torch.Generator().manual_seed(seed))
    x = sum(torch.sin(2 * torch.pi * k * cycles) / k for k in range(1, 6)) * 0.05 + 0.005 * noise
    return Batch(x, torch.full((items,), x.shape[1]), utterances=("a",) * items, streams=given)


class Repeated:
    """The same batch, some times an epoch."""

    def __init__(self, one: Batch, times: int = 1) -> None:
        self.one, self.times = one, times

    def __call__(self, epoch: int) -> Iterator[Batch]:
        return iter([self.one] * self.times)


def parts(codes: int = CODES) -> dict[str, nn.Module]:
    """One of each, with random weights."""
    torch.manual_seed(1)
    units = KMeansUnits(KMeansSettings(codes=codes))
    units.centres.normal_()
    units.tract.centres.normal_()
    pitch = PitchCoder(CoderSettings(codes=PITCH_CODES, dimensions=8, width=8, depth=1))
    speaker = SpeakerEncoder(["ann", "bob"], SpeakerNetworkSettings(channels=8, crop=8000))
    return {name: part.eval() for name, part in (("units", units), ("pitch", pitch), ("speaker", speaker))}


def data(**described: nn.Module) -> Data:
    """What a model is told of these parts."""
    return Data(
        {"speaker": ("ann", "bob")}, (1,), {name: part.describe() for name, part in described.items()}
    )


def hyperparameters(name: str = "source_filter", **more: Any) -> Hyperparameters:
    small = {**SETTINGS, "discriminators": THIN, "ffts": [256, 1024], "bands": [20, 40]}
    return Hyperparameters.model_validate({"generator": name, **small, **more})


def model(name: str = "source_filter", **more: Any) -> Model:
    made = parts()
    torch.manual_seed(2)
    built = Model(hyperparameters(name, **more), data(**made))
    built.adopt(made)
    return built.eval()


def at(training: bool = True, seed: int = 0) -> Schedule:
    return Schedule(0, 1, 0, torch.Generator().manual_seed(seed), training)
