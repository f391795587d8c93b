"""What a dynamical VAE's posterior says of whole utterances: what the experiments on codes share.

One pass along the posterior mean: every z_t (and v) is the mean of its distribution, as in `encode`.
Needs of a model: `noise`, and a forward pass that gives q, p and v (`dynamical.model.Frames`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.interfaces import Batch

__all__ = ["ACTIVE", "Analysis", "Floats", "analyse", "needs"]

ACTIVE = 0.01
"""A dimension is active where the variance of its posterior mean is above this (Burda et al., 2016)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Analysis:
    """One utterance of T frames.

    power: [T, F]. z: [T, D], posterior mean. kl: [T, D], KL(q || p) of each dimension in nats.
    v: (mean, log-variance) of q(v | x_{1:T}), [V] each; None for a model without one.
    """

    utterance: str
    power: Floats
    z: Floats
    kl: Floats
    v: tuple[Floats, Floats] | None


def needs(model: Any) -> str | None:
    """None if utterances can be analysed with the model, else the reason they cannot."""
    if "utterances" not in model.inputs:
        return "takes no utterances"
    return None if hasattr(model, "noise") else "has no posterior and prior of z"


@torch.no_grad()
def analyse(model: Any, test: Iterable[Batch]) -> Iterator[Analysis]:
    """Every utterance of the batches, as real frames only. The model is left in evaluation mode."""
    model.eval()
    for batch in test:
        found = model(batch.x, lengths=batch.lengths, **model.noise(batch.x, None))
        v = None if found.v is None else [_floats(part) for part in (found.v.mean, found.v.logvar)]
        parts = [_floats(part) for part in (batch.x, found.q.mean, found.q.kl_of_each(found.p))]
        for i, (name, frames) in enumerate(zip(batch.utterances, batch.lengths.tolist(), strict=True)):
            power, z, nats = (part[i, :frames] for part in parts)
            yield Analysis(name, power, z, nats, None if v is None else (v[0][i], v[1][i]))


def _floats(x: Tensor) -> Floats:
    return x.cpu().double().numpy()
