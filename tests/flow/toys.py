"""Synthetic data of additive factors, and small flows fitted to them."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from speech_factorization.flow.model import FactorialFlow
from speech_factorization.interfaces import Batch, Data, Schedule

CLASSES = {"phone": 4, "speaker": 3}


def data(classes: Mapping[str, int] = CLASSES, shape: tuple[int, ...] = (3, 4)) -> Data:
    """So many classes of each factor, named FACTOR0, FACTOR1, ..."""
    return Data({name: tuple(f"{name}{i}" for i in range(k)) for name, k in classes.items()}, shape)


def additive(
    of: Data, count: int = 400, noise: float = 1.0, seed: int = 0, batch: int = 64
) -> tuple[list[Batch], dict[str, Tensor]]:
    """Batches of x = m + sum_f a_f[c_f] + noise * e with e of unequal scales, and the effects a_f [classes, D]."""
    g = torch.Generator().manual_seed(seed)
    size = torch.Size(of.shape).numel()
    effects = {name: 2 * torch.randn(len(names), size, generator=g) for name, names in of.factors.items()}
    factors = {name: torch.randint(len(names), (count,), generator=g) for name, names in of.factors.items()}
    e = torch.randn(count, size, generator=g) @ torch.randn(size, size, generator=g) / size**0.5
    x = torch.randn(size, generator=g) + noise * e
    for name, a in effects.items():
        x = x + a[factors[name]]
    return [make_batch(x[i : i + batch], factors, of, i) for i in range(0, count, batch)], effects


def make_batch(x: Tensor, factors: Mapping[str, Tensor], of: Data, start: int = 0) -> Batch:
    """x [N, D] as a batch of segments; factors: those of all items, from `start` on these."""
    part = {name: values[start : start + len(x)] for name, values in factors.items()}
    names = tuple(f"utterance{start + i}" for i in range(len(x)))
    return Batch(x.view(-1, *of.shape), torch.full((len(x),), of.shape[0]), part, names)


def build(name: str, of: Data, seed: int = 0, **hp: Any) -> FactorialFlow:
    """A model with small couplings; its own defaults elsewhere."""
    module = importlib.import_module(f"speech_factorization.models.{name}")
    torch.manual_seed(seed)
    small: dict[str, Any] = {"dimensions": 8, "couplings": 4, "hidden": [16]}
    model: FactorialFlow = module.Model(module.Hyperparameters(**(small | hp)), of)
    return model


def fitted(name: str, of: Data, batches: Sequence[Batch], seed: int = 0, **hp: Any) -> FactorialFlow:
    """A model after its data-dependent start, with couplings that do something."""
    model = build(name, of, seed, **hp)
    model.initialise(batches)
    stir(model.couplings)
    return model.eval()


def stir(couplings: nn.Module, scale: float = 0.3) -> None:
    """Random weights in place of the zeros of the last layers, with which couplings start as the identity."""
    g = torch.Generator().manual_seed(5)
    for parameter in couplings.parameters():
        parameter.data += scale / max(parameter.shape) ** 0.5 * torch.randn(parameter.shape, generator=g)


def whole(batches: Sequence[Batch]) -> tuple[Tensor, dict[str, Tensor]]:
    """All x [N, *shape] and classes [N]."""
    names = batches[0].factors
    return torch.cat([b.x for b in batches]), {n: torch.cat([b.factors[n] for b in batches]) for n in names}


def at(training: bool = False, seed: int = 0) -> Schedule:
    return Schedule(0, 1, 0, torch.Generator().manual_seed(seed), training)
