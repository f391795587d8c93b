"""One Adam per player, its learning rate over time, and its state as named tensors.

D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, ICLR 2015; I. Loshchilov, F. Hutter, Decoupled
weight decay regularization, ICLR 2019.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from speech_factorization.training.settings import TrainSettings

__all__ = ["adam", "learning_rate", "load_state", "only", "state"]


def adam(parameters: Sequence[nn.Parameter], settings: TrainSettings) -> torch.optim.Adam:
    """Adam over one player's parameters, in its fused form; AdamW where weights decay."""
    b1, b2 = settings.betas
    given: dict[str, Any] = {"lr": settings.learning_rate, "betas": (b1, b2), "fused": True}
    if settings.weight_decay:
        return torch.optim.AdamW(parameters, weight_decay=settings.weight_decay, **given)
    return torch.optim.Adam(parameters, **given)


def learning_rate(settings: TrainSettings, step: int, steps: int) -> float:
    """The learning rate of `step` (from 0) of `steps` in all: linear warm-up times the schedule."""
    warm_up = min(1.0, (step + 1) / settings.warm_up) if settings.warm_up else 1.0
    done = min(1.0, step / steps)
    fall = 1.0
    if settings.schedule == "cosine":
        fall = 0.5 * (1.0 + math.cos(math.pi * done))
    elif settings.schedule == "exponential":
        fall = settings.fall ** (settings.epochs * step // steps)
    return settings.learning_rate * warm_up * fall


@contextmanager
def only(parameters: Sequence[nn.Parameter], model: nn.Module) -> Iterator[None]:
    """Let gradient reach these parameters alone of the model's; the others are frozen meanwhile."""
    mine = {id(p) for p in parameters}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in mine]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def state(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts by "INDEX/NAME", INDEX counting the player's parameters."""
    parameters = optimiser.param_groups[0]["params"]
    return {
        f"{index}/{name}": value
        for index, parameter in enumerate(parameters)
        for name, value in optimiser.state.get(parameter, {}).items()
    }


def load_state(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Take over what `state` gave; exact, on the parameters' own device.

    Errors: IndexError or ValueError if it was another optimiser's.
    """
    parameters = optimiser.param_groups[0]["params"]
    optimiser.state.clear()
    for key, value in tensors.items():
        index, name = key.split("/")
        parameter = parameters[int(index)]
        if value.dim() and value.shape != parameter.shape:
            raise ValueError(f"{key} has shape {tuple(value.shape)}, the parameter {tuple(parameter.shape)}")
        optimiser.state.setdefault(parameter, {})[name] = value.to(parameter.device)
