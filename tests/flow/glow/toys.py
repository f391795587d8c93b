"""Synthetic vowels, and small Glows started from them."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from speech_factorization.features.vowels import BINS, SIZE
from speech_factorization.interfaces import Batch, Data, Schedule
from speech_factorization.models.glow import Hyperparameters, Model

DATA = Data({"phone": ("aa", "iy"), "sex": ("F", "M")}, (SIZE, SIZE))

SMALL: dict[str, Any] = {
    "frames": 16, "bands": 16, "scale": "mel", "length": "stretch", "levels": 2, "steps": 2, "hidden": 8,
    "squeezes": 2, "top": "full", "refit": 4,
}  # fmt: skip


def vowels(count: int = 64, seed: int = 0, batch: int = 32) -> list[Batch]:
    """Vowels of 30 to 288 ms with two smooth peaks that move and a rough rest, silence behind them."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(30, SIZE + 1, (count,), generator=g)
    phone = torch.randint(2, (count,), generator=g)
    u = torch.rand(count, 4, generator=g)
    t, k = torch.arange(SIZE) / SIZE, torch.arange(BINS)
    x = 3 + torch.randn(count, SIZE, BINS, generator=g)
    for i in range(2):
        place = 20 + 40 * i + 25 * phone + 10 * u[:, i]
        moving = place[:, None] + 15 * (u[:, 2 + i, None] - 0.5) * t
        x = x + 5 * torch.exp(-((k - moving[:, :, None]) / 12).square())
    x = x.clamp(min=0) * (torch.arange(SIZE) < lengths[:, None])[:, :, None]
    x = torch.nn.functional.pad(x, (0, SIZE - BINS))
    names = [f"utterance{i}" for i in range(count)]
    return [
        Batch(
            x[i : i + batch],
            lengths[i : i + batch],
            {"phone": phone[i : i + batch]},
            tuple(names[i : i + batch]),
        )
        for i in range(0, count, batch)
    ]


def build(seed: int = 0, **hp: Any) -> Model:
    """A small model."""
    torch.manual_seed(seed)
    return Model(Hyperparameters(**(SMALL | hp)), DATA)


def started(batches: list[Batch], seed: int = 0, strength: float = 0.3, **hp: Any) -> Model:
    """A model after its data-dependent start, with networks that do something."""
    model = build(seed, **hp)
    model.initialise(batches)
    stir(model.flow, strength)
    model.average.load_state_dict(model.flow.state_dict())
    return model.eval()


def stir(module: nn.Module, scale: float = 0.3) -> None:
    """Random weights in place of the zeros of the last layers, with which couplings start as the identity.

    1 x 1 convolutions stay as they are: random triangles are all but singular.
    """
    g = torch.Generator().manual_seed(5)
    for name, parameter in module.named_parameters():
        if not name.endswith("lu"):
            size = scale / math.sqrt(max(parameter.shape))
            parameter.data += size * torch.randn(parameter.shape, generator=g).to(parameter)


def at(training: bool = True, seed: int = 0, step: int = 0) -> Schedule:
    return Schedule(0, 1, step, torch.Generator().manual_seed(seed), training)


def changed_behind(x: Tensor, lengths: Tensor, value: float) -> Tensor:
    """x [N, 288, 288] with something else where there is no vowel."""
    behind = torch.arange(SIZE) >= lengths[:, None]
    found = torch.where(behind[:, :, None], torch.full_like(x, value), x)
    found[:, :, BINS:] = value
    return found
