"""Factor manipulation: change the phone of a segment and keep its speaker, and the reverse (ICASSP 2021).

Class means are taken over training segments, targets drawn uniformly over the other classes, and test
segments are moved. Every judge tells how far the posterior of the target class rises (delta_target) and
how much that of the other factor's true class changes (delta_other: the side effect); `shift` says which
factors are moved and what the other one is. "Before" is the real segment, so what a model loses in
reconstruction counts against it; how much that is stands under BLOCK_reconstructed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speech_factorization.evaluation.experiments.shift import (
    Plan,
    decode,
    encode,
    gather,
    learned_means,
    move,
    needs,
    own_means,
    plan,
)
from speech_factorization.evaluation.judges import Judge
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.interfaces import Batch, Data

__all__ = ["BLOCKS", "LEARNED", "ORACLE", "RECONSTRUCTED", "changes", "needs", "oracle", "run"]

# Where the figures of each family of judges stand in metrics/MODEL.json.
BLOCKS = {"mlp": "manipulation", "cnn": "manipulation_second_judge", "knn": "manipulation_third_judge"}
LEARNED, RECONSTRUCTED, ORACLE = "_learned_means", "_reconstructed", "_oracle"

# In log magnitude: a segment that comes back this exactly is judged as it was.
EXACT = 1e-3

Posteriors = Mapping[str, Mapping[str, Tensor]]


def run(
    model: Any,
    means: Mapping[str, Tensor],
    test: Iterable[Batch],
    judges: Mapping[str, Judge],
    data: Data,
    seed: int,
    limit: int | None = None,
    strength: float = 1.0,
) -> Outcome:
    """Under each of `BLOCKS`: FACTOR -> {p_target_before, p_target_after, delta_target, p_other_*, delta_*}.

    means: `shift.class_means` of the training segments. Segments, targets and judges are the same for every
    model. BLOCK_learned_means: the same with the means that a model has learned (`class_means()`: factor ->
    [classes, ...]); BLOCK_reconstructed: with no shift at all; BLOCK_oracle, which depends on no model:
    with a model without parameters. limit: so many test segments at most (None or 0: all); strength: b.
    """
    segments = gather(test, limit, seed)
    shifts = {"": own_means(model, means), LEARNED: learned_means(model)}
    plans = plan(segments, data, shifts[""], seed)
    families = {BLOCKS[family]: judge for family, judge in judges.items() if family in BLOCKS}
    before = {block: judge.posterior(segments.x) for block, judge in families.items()}
    z = encode(model, segments.x)
    numbers: dict[str, Any] = {block: {} for block in families}
    for p in plans:
        for kind, mean in shifts.items():
            if p.factor in mean:
                moved = move(model, z[p.items], p.source, p.target, mean[p.factor], strength)
                for block, judge in families.items():
                    found = changes(before[block], judge.posterior(moved), segments, p)
                    numbers.setdefault(block + kind, {})[p.factor] = found
    numbers |= _reconstructed(decode(model, z), segments, plans, families, before)
    if not list(model.parameters()):
        numbers |= oracle(segments, plans, families, before, seed)
    return Outcome(numbers)


def _reconstructed(
    back: Tensor,
    segments: Batch,
    plans: Iterable[Plan],
    families: Mapping[str, Judge],
    before: Posteriors,
) -> dict[str, Any]:
    """BLOCK_reconstructed: what coding and decoding alone do to the posteriors; back: decoded segments."""
    exact = bool((back - segments.x).abs().max() < EXACT)
    numbers: dict[str, Any] = {}
    for block, judge in families.items():
        after = before[block] if exact else judge.posterior(back)
        numbers[block + RECONSTRUCTED] = {
            p.factor: changes(before[block], {n: a[p.items] for n, a in after.items()}, segments, p)
            for p in plans
        }
    return numbers


def oracle(
    segments: Batch,
    plans: Iterable[Plan],
    families: Mapping[str, Judge],
    before: Posteriors,
    seed: int,
) -> dict[str, Any]:
    """What a perfect manipulation would reach: BLOCK_oracle -> FACTOR -> as in `run`, and `share`.

    In place of x' stands a real test segment of the target class and the same class of the other factor,
    drawn by the seed; segments for which the test set has none are left out (`share`: of those kept).
    Further factors are not matched, so nothing is said of them.
    """
    numbers: dict[str, Any] = {block + ORACLE: {} for block in families}
    rng = np.random.default_rng([seed, 2])
    for p in plans:
        kept, real = _real(segments, p, rng)
        if not len(kept):
            continue
        part = Plan(p.factor, p.other, p.items[kept], p.source[kept], p.target[kept])
        for block in families:
            after = {name: before[block][name][real] for name in (p.factor, p.other)}
            found = changes(before[block], after, segments, part)
            numbers[block + ORACLE][p.factor] = found | {"share": len(kept) / len(p.items)}
    return numbers


def _real(segments: Batch, p: Plan, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Which of the plan's items have a real counterpart, and which segment that is."""
    factor, other = segments.factors[p.factor].cpu().numpy(), segments.factors[p.other].cpu().numpy()
    at: dict[tuple[int, int], list[int]] = {}
    for i, pair in enumerate(zip(factor.tolist(), other.tolist(), strict=True)):
        at.setdefault(pair, []).append(i)
    kept, real = [], []
    for i, (item, target) in enumerate(zip(p.items.tolist(), p.target.tolist(), strict=True)):
        there = at.get((target, int(other[item])), []) if other[item] >= 0 else []
        if there:
            kept.append(i)
            real.append(there[int(rng.integers(len(there)))])
    return torch.tensor(kept, dtype=torch.int64), torch.tensor(real, dtype=torch.int64)


def changes(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], segments: Batch, p: Plan
) -> dict[str, float]:
    """Mean posteriors of the target class and of every other factor's true class, before and after.

    before: factor -> [all segments, classes]; after: factor -> [the plan's items, classes]. Of factors that
    are neither the plan's nor its other one delta_NAME alone is given.
    """
    found = _change("target", before[p.factor][p.items], after[p.factor], p.target)
    for name in after:
        if name != p.factor:
            truth = segments.factors[name][p.items]
            change = _change("other", before[name][p.items], after[name], truth)
            found |= change if name == p.other else {f"delta_{name}": change["delta_other"]}
    return found


def _change(name: str, before: Tensor, after: Tensor, classes: Tensor) -> dict[str, float]:
    """Mean posterior of `classes` [n] before and after; items of unknown class (-1) do not count."""
    known = classes >= 0
    chosen = classes[known][:, None]
    p_before = float(before[known].gather(1, chosen).double().mean()) if len(chosen) else 0.0
    p_after = float(after[known].gather(1, chosen).double().mean()) if len(chosen) else 0.0
    return {f"p_{name}_before": p_before, f"p_{name}_after": p_after, f"delta_{name}": p_after - p_before}
