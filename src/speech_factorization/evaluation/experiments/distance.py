"""How near a manipulated segment comes to real speech of the target class: a check no judge can be fooled in.

Distances are log-spectral, in dB, to the nearest real test segment of a class, utterances of the segment's
own left out: sqrt(mean over 20 x 200 of (x' - r)^2) * 20 / ln 10. Means are nearer to everything than
speech is, so `real_to_own`, between real segments of one class, stands beside them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speech_factorization.evaluation.experiments.shift import Plan, gather, move, needs, plan
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
    found = {}
    for p in plan(segments, data, means, seed):
        x = segments.x[p.items]
        moved = move(model, x, p.source, p.target, means[p.factor])
        real_to_own, real_to_target = _to_classes(x, segments, p)
        to_source, to_target = _to_classes(moved, segments, p)
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


def _to_classes(x: Tensor, segments: Batch, p: Plan) -> tuple[Tensor, Tensor]:
    """dB from each x [n, 20, 200] to the nearest real segment of its source and target class; inf if none."""
    reals = segments.x.flatten(1)
    labels = segments.factors[p.factor]
    number = {name: i for i, name in enumerate(dict.fromkeys(segments.utterances))}
    utterance = torch.tensor([number[name] for name in segments.utterances], device=x.device)
    nearest: list[list[Tensor]] = [[], []]
    for i in range(0, len(x), BATCH):
        part = slice(i, i + BATCH)
        distance = torch.cdist(x[part].flatten(1), reals) * DECIBEL / reals.shape[1] ** 0.5
        own = utterance[p.items[part], None] == utterance
        for found, classes in zip(nearest, (p.source, p.target), strict=True):
            outside = own | (labels != classes[part, None])
            found.append(distance.masked_fill(outside, torch.inf).amin(1))
    return torch.cat(nearest[0]), torch.cat(nearest[1])
