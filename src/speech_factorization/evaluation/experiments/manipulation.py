"""Factor manipulation: change the phone of a segment and keep its speaker, and the reverse (ICASSP 2021).

Class means are taken over training segments, targets drawn uniformly over the other classes, and test
segments are moved. Every judge tells how far the posterior of the target class rises (delta_target) and
how much that of the other factor's true class changes (delta_other: the side effect). "Before" is the real
segment, so what a model loses in reconstruction counts against it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from speech_factorization.evaluation.experiments.shift import Plan, gather, move, needs, plan
from speech_factorization.evaluation.judges import Judge
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.interfaces import Batch, Data

__all__ = ["BLOCKS", "needs", "oracle", "run"]

# Where the figures of each family of judges stand in metrics/MODEL.json.
BLOCKS = {"mlp": "manipulation", "cnn": "manipulation_second_judge", "knn": "manipulation_third_judge"}
LEARNED = "manipulation_learned_means"

COLUMNS = 4
# 200 ms by 8 kHz.
IMAGE: dict[str, Any] = {"origin": "lower", "aspect": "auto", "extent": (0, 200, 0, 8)}


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
    model. A model with `class_means()` (factor -> [classes, ...], those it learned) is moved by them as
    well: `manipulation_learned_means`, by the first judge. A model without parameters also carries the
    oracle's rows, which depend on no model: BLOCK_oracle. limit: so many test segments at most (None or 0:
    all); strength: factor of the shift. The figure shows originals and what became of them.
    """
    segments = gather(test, limit, seed)
    plans = plan(segments, data, means, seed)
    families = {BLOCKS[family]: judge for family, judge in judges.items() if family in BLOCKS}
    before = {block: judge.posterior(segments.x) for block, judge in families.items()}
    learned = model.class_means() if hasattr(model, "class_means") else {}
    numbers: dict[str, Any] = {block: {} for block in families}
    shown: dict[str, Tensor] = {}
    for p in plans:
        moved = move(model, segments.x[p.items], p.source, p.target, means[p.factor], strength)
        shown[p.factor] = moved
        for block, judge in families.items():
            numbers[block][p.factor] = _changes(before[block], judge.posterior(moved), segments, p)
        if p.factor in learned and BLOCKS["mlp"] in families:
            moved = move(model, segments.x[p.items], p.source, p.target, learned[p.factor], strength)
            after = families[BLOCKS["mlp"]].posterior(moved)
            numbers.setdefault(LEARNED, {})[p.factor] = _changes(before[BLOCKS["mlp"]], after, segments, p)
    if not list(model.parameters()):
        numbers |= oracle(segments, plans, families, before, seed)
    return Outcome(numbers, {"manipulation": _draw(segments, plans, shown, data)} if plans else {})


def oracle(
    segments: Batch,
    plans: Iterable[Plan],
    families: Mapping[str, Judge],
    before: Mapping[str, Mapping[str, Tensor]],
    seed: int,
) -> dict[str, Any]:
    """What a perfect manipulation would reach: BLOCK_oracle -> FACTOR -> as in `run`, and `share`.

    In place of x' stands a real test segment of the target class and the same class of the other factor,
    drawn by the seed; segments for which the test set has none are left out (`share`: of those kept).
    Further factors are not matched, so nothing is said of them.
    """
    numbers: dict[str, Any] = {f"{block}_oracle": {} for block in families}
    rng = np.random.default_rng([seed, 2])
    for p in plans:
        kept, real = _real(segments, p, rng)
        if not len(kept):
            continue
        part = Plan(p.factor, p.other, p.items[kept], p.source[kept], p.target[kept])
        for block in families:
            after = {name: before[block][name][real] for name in (p.factor, p.other)}
            found = _changes(before[block], after, segments, part)
            numbers[f"{block}_oracle"][p.factor] = found | {"share": len(kept) / len(p.items)}
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


def _changes(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], segments: Batch, p: Plan
) -> dict[str, float]:
    """Mean posteriors of the target class and of every other factor's true class.

    before: factor -> [all segments, classes]; after: factor -> [the plan's items, classes].
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


def _draw(segments: Batch, plans: list[Plan], shown: Mapping[str, Tensor], data: Data) -> Figure:
    """Log spectrograms: originals above, below them the same segments with each factor changed."""
    common = set(plans[0].items.tolist()).intersection(*(p.items.tolist() for p in plans))
    ordered = sorted(common)
    # Evenly spread: neighbours in the table are neighbours in an utterance.
    items = [ordered[i * len(ordered) // COLUMNS] for i in range(min(COLUMNS, len(ordered)))]
    figure = Figure(figsize=(2.2 * COLUMNS, 2.2 * (len(plans) + 1)), layout="constrained")
    axes = figure.subplots(len(plans) + 1, COLUMNS, squeeze=False, sharex=True, sharey=True)
    # The quietest bins are noise: they would take half of the colours.
    low, high = np.percentile(segments.x.cpu().numpy(), (20, 99.9))
    for column, item in enumerate(items):
        names = [data.factors[p.factor][int(segments.factors[p.factor][item])] for p in plans]
        pictures = [(segments.x[item], f"original: {' / '.join(names)}")]
        for p, name in zip(plans, names, strict=True):
            row = int((p.items == item).nonzero()[0])
            target = data.factors[p.factor][int(p.target[row])]
            pictures.append((shown[p.factor][row], f"{p.factor} {name} to {target}"))
        for ax, (picture, title) in zip(axes[:, column], pictures, strict=True):
            image = ax.imshow(picture.cpu().numpy().T, vmin=low, vmax=high, **IMAGE)
            ax.set_title(title, fontsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel("frequency (kHz)")
    for ax in axes[-1]:
        ax.set_xlabel("time (ms)")
    figure.colorbar(image, ax=axes, label="log magnitude (nepers)", shrink=0.6)
    return figure
