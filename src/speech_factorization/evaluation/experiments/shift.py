"""Moving segments from one class to another by class means: what the manipulation experiments share.

    x' = f(f^-1(x) + mu[target] - mu[source])

(Sun et al., Deep generative factorization for speech signal, ICASSP 2021, arXiv 2010.14242).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data

__all__ = ["FACTORS", "Plan", "class_means", "draw_targets", "gather", "needs", "move", "plan"]

# Factors that are changed, each with the one that should stay.
FACTORS = {"phone": "speaker", "speaker": "phone"}

BATCH = 256


@dataclass(frozen=True)
class Plan:
    """Which segments of a batch go where: `items` [n], from class `source` [n] of `factor` to `target` [n].

    other: the factor that should stay.
    """

    factor: str
    other: str
    items: Tensor
    source: Tensor
    target: Tensor


def needs(model: Any) -> str | None:
    """Why class means cannot be shifted in this model, or None."""
    if "segments" not in model.inputs:
        return "takes no segments"
    missing = [name for name in ("encode", "decode") if not hasattr(model, name)]
    return f"has no {' and no '.join(missing)}" if missing else None


@torch.no_grad()
def class_means(model: Any, train: Iterable[Batch], data: Data) -> dict[str, Tensor]:
    """Factor -> means of codes["z"] over the training segments of each class, [classes, ...]; NaN where none.

    Sums are kept in float64.
    """
    sums: dict[str, Tensor] = {}
    counts = {name: torch.zeros(len(classes), dtype=torch.float64) for name, classes in data.factors.items()}
    for batch in train:
        z = model.encode(batch.x)["z"].double()
        for name, count in counts.items():
            known = batch.factors[name] >= 0
            truth = batch.factors[name][known]
            if name not in sums:
                sums[name] = z.new_zeros(len(count), *z.shape[1:])
            sums[name].index_add_(0, truth, z[known])
            count += torch.bincount(truth.cpu(), minlength=len(count))
    if not sums:
        raise InputError("no training segments to take class means of", remedy="check the split")
    means = {}
    for name, total in sums.items():
        count = counts[name].to(total.device).view(-1, *[1] * (total.dim() - 1))
        means[name] = (total / torch.where(count > 0, count, torch.nan)).float()
    return means


def draw_targets(
    source: NDArray[np.int64], allowed: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """A target class for every source class [N]: uniform over the allowed [classes], never the source.

    Errors: a source that has no other allowed class.
    """
    classes = np.flatnonzero(allowed)
    # Each source's choices are the allowed classes without itself; drawing a rank skips over it.
    own = allowed[source]
    choices = len(classes) - own
    if len(source) and choices.min() < 1:
        raise InputError("fewer than two classes with training segments", remedy="nothing can be manipulated")
    rank = rng.integers(0, choices)
    rank += own & (rank >= np.searchsorted(classes, source))
    return classes[rank]


def plan(segments: Batch, data: Data, means: Mapping[str, Tensor], seed: int) -> list[Plan]:
    """One plan for each of `FACTORS` the data has and that has two classes with means.

    Segments of a class without training segments stay out. Targets depend on the segments, the classes and
    the seed alone, so every model and judge is asked the same.
    """
    plans = []
    for number, (factor, other) in enumerate(FACTORS.items()):
        if factor not in data.factors or other not in data.factors:
            continue
        allowed = ~means[factor].flatten(1).isnan().any(1).cpu().numpy()
        truth = segments.factors[factor].cpu().numpy()
        items = np.flatnonzero((truth >= 0) & allowed[truth])
        if allowed.sum() < 2 or not len(items):
            continue
        target = draw_targets(truth[items], allowed, np.random.default_rng([seed, number]))
        device = segments.x.device
        chosen = torch.from_numpy(items).to(device)
        to = torch.from_numpy(target).to(device)
        plans.append(Plan(factor, other, chosen, segments.factors[factor][chosen], to))
    return plans


@torch.no_grad()
def move(
    model: Any, x: Tensor, source: Tensor, target: Tensor, means: Tensor, strength: float = 1.0
) -> Tensor:
    """x' [N, 20, 200]: every x with its code moved by strength * (mu[target] - mu[source]).

    source, target: [N] classes; means: [classes, ...] of codes["z"].
    """
    moved = []
    for i in range(0, len(x), BATCH):
        part = slice(i, i + BATCH)
        codes = model.encode(x[part])
        shift = means[target[part]] - means[source[part]]
        moved.append(model.decode({**codes, "z": codes["z"] + strength * shift}))
    return torch.cat(moved)


def gather(batches: Iterable[Batch], limit: int | None, seed: int) -> Batch:
    """All segments as one batch, or `limit` of them drawn by the seed, in their order (None or 0: all)."""
    found = list(batches)
    if not found:
        raise InputError("no test segments", remedy="check the split")
    x = torch.cat([batch.x for batch in found])
    index = torch.arange(len(x))
    if limit and limit < len(x):
        drawn = np.random.default_rng([seed, 3]).choice(len(x), limit, replace=False)
        index = torch.from_numpy(np.sort(drawn))
    index = index.to(x.device)
    names = [name for batch in found for name in batch.utterances]
    return Batch(
        x=x[index],
        lengths=torch.cat([batch.lengths for batch in found])[index],
        factors={
            name: torch.cat([batch.factors[name] for batch in found])[index] for name in found[0].factors
        },
        utterances=tuple(names[i] for i in index.tolist()) if names else (),
    )
