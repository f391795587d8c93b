"""Moving segments from one class to another by class means: what the manipulation experiments share.

    x' = f(f^-1(x) + b (mu[target] - mu[source]))

(Sun et al., Deep generative factorization for speech signal, ICASSP 2021, arXiv 2010.14242; b = 1 there).
A model with parts (`parts`: factor -> slice of z) is moved within the factor's own part, any other in its whole
code. Beside phone and speaker every further factor of the data is moved, unless the model has parts and none of
that factor. What should stay of the others, "the other factor": the speaker where the phone or a further factor
changes, the phone where the speaker does.
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

__all__ = [
    "Plan",
    "class_means",
    "decode",
    "draw_targets",
    "encode",
    "gather",
    "learned_means",
    "move",
    "needs",
    "other_factor",
    "own_means",
    "plan",
]

# Their targets are drawn from seeds of their own, whatever further factors a corpus has.
SEEDS = {"phone": 0, "speaker": 1}
FURTHER = 10

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


def own_means(model: Any, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The means that this model is moved by: zero outside a factor's own part of z.

    means: factor -> [classes, ...]. A further factor that a model with parts has none of is left out.
    """
    parts: Mapping[str, slice] = getattr(model, "parts", {})
    own = {}
    for factor, mean in means.items():
        if factor in parts:
            own[factor] = torch.zeros_like(mean)
            own[factor][:, parts[factor]] = mean[:, parts[factor]]
        elif not parts or factor in SEEDS:
            own[factor] = mean
    return own


def learned_means(model: Any) -> dict[str, Tensor]:
    """Those of `class_means()`, as `own_means`; none where a model learns none."""
    return own_means(model, model.class_means()) if hasattr(model, "class_means") else {}


def other_factor(factor: str, data: Data) -> str | None:
    """The factor that should stay where `factor` changes; None where the data has no other."""
    others = [name for name in data.factors if name != factor]
    wanted = "phone" if factor == "speaker" else "speaker"
    return wanted if wanted in others else next(iter(others), None)


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
    """One plan for each factor of `means` that has two classes with means, where the data has another factor.

    Segments of a class without training segments stay out. Targets depend on the segments, the classes and
    the seed alone, so every model and judge is asked the same.
    """
    further = [name for name in data.factors if name not in SEEDS]
    plans = []
    for factor in data.factors:
        other = other_factor(factor, data)
        if factor not in means or other is None:
            continue
        number = SEEDS[factor] if factor in SEEDS else FURTHER + further.index(factor)
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
def encode(model: Any, x: Tensor) -> Tensor:
    """The whole code z [N, ...] of segments x [N, 20, 200]."""
    return torch.cat([model.encode(x[i : i + BATCH])["z"] for i in range(0, len(x), BATCH)])


@torch.no_grad()
def decode(model: Any, z: Tensor) -> Tensor:
    """Segments [N, 20, 200] of whole codes z [N, ...]."""
    return torch.cat([model.decode({"z": z[i : i + BATCH]}) for i in range(0, len(z), BATCH)])


def move(
    model: Any, z: Tensor, source: Tensor, target: Tensor, means: Tensor, strength: float = 1.0
) -> Tensor:
    """x' [N, 20, 200] of codes z [N, ...] moved by strength * (mu[target] - mu[source]); strength is b.

    source, target: [N] classes; means: [classes, ...], as `own_means` gives them.
    """
    return decode(model, z + strength * (means[target] - means[source]))


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
