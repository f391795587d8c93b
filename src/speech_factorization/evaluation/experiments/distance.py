"""How near a manipulated segment comes to real speech of the target class: a check no judge can be fooled in.

Distances are log-spectral, in dB, to the nearest real test segment of a class, utterances of the segment's
own left out: sqrt(mean over 20 x 200 of (x' - r)^2) * 20 / ln 10. Means are nearer to everything than
speech is, so `real_to_own`, between real segments of one class, stands beside them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speech_factorization.evaluation.experiments.shift import (
    Plan,
    encode,
    gather,
    move,
    needs,
    own_means,
    plan,
)
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.interfaces import Batch, Data

__all__ = ["needs", "run"]

DECIBEL = 20 / float(np.log(10))  # per neper
BATCH = 512


def run(
    model: Any,
    means: Mapping[str, Tensor],
    test: Iterable[Batch],
    data: Data,
    seed: int,
    limit: int | None = None,
) -> Outcome:
    """distance -> FACTOR -> {to_target, to_source, real_to_target, real_to_own, nearer_target}.

    to_target, to_source: of x' to the nearest real segment of the target and of the source class;
    real_to_target, real_to_own: of x itself; nearer_target: share of x' nearer to the target class. Targets
    and segments are those of the manipulation experiment with the same seed and limit.
    """
    segments = gather(test, limit, seed)
    own = own_means(model, means)
    z = encode(model, segments.x)
    plans = plan(segments, data, own, seed)
    everything = torch.arange(len(segments.x), device=segments.x.device)
    asked = [(p.factor, _of_all(p, classes, everything)) for p in plans for classes in (p.source, p.target)]
    real = _nearest(segments.x, everything, segments, asked)
    found = {}
    for i, p in enumerate(plans):
        moved = move(model, z[p.items], p.source, p.target, own[p.factor])
        real_to_own, real_to_target = (to[p.items] for to in real[2 * i : 2 * i + 2])
        to_source, to_target = _nearest(
            moved, p.items, segments, [(p.factor, p.source), (p.factor, p.target)]
        )
        # A class may have no segment outside the utterance; such pairs say nothing.
        kept = torch.stack([real_to_own, real_to_target]).isfinite().all(0)
        if kept.any():
            found[p.factor] = {
                "to_target": float(to_target[kept].mean()),
                "to_source": float(to_source[kept].mean()),
                "real_to_target": float(real_to_target[kept].mean()),
                "real_to_own": float(real_to_own[kept].mean()),
                "nearer_target": float((to_target < to_source)[kept].float().mean()),
            }
    return Outcome({"distance": found})


def _of_all(p: Plan, classes: Tensor, everything: Tensor) -> Tensor:
    """Classes [n] of the plan's items as those of all segments, [N]; -1 where they are not the plan's."""
    return torch.full_like(everything, -1).index_copy(0, p.items, classes)


def _nearest(x: Tensor, items: Tensor, segments: Batch, asked: Sequence[tuple[str, Tensor]]) -> list[Tensor]:
    """dB from each x [n, 20, 200] to the nearest real segment of each class asked for, [n] each; inf if none.

    items: [n], which segments the x are, or were made of; asked: (factor, class of each x [n]).
    """
    reals = segments.x.flatten(1)
    number = {name: i for i, name in enumerate(dict.fromkeys(segments.utterances))}
    utterance = torch.tensor([number[name] for name in segments.utterances], device=x.device)
    nearest: list[list[Tensor]] = [[] for _ in asked]
    for i in range(0, len(x), BATCH):
        part = slice(i, i + BATCH)
        distance = torch.cdist(x[part].flatten(1), reals) * DECIBEL / reals.shape[1] ** 0.5
        own = utterance[items[part], None] == utterance
        for found, (factor, classes) in zip(nearest, asked, strict=True):
            outside = own | (segments.factors[factor] != classes[part, None])
            found.append(distance.masked_fill(outside, torch.inf).amin(1))
    return [torch.cat(found) for found in nearest]
