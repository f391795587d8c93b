"""How far a segment should be moved: delta and side effect over the scale b of the shift.

    x' = f(f^-1(x) + b (mu[target] - mu[source]))

b = 0 is the model's reconstruction, b = 1 the published shift. Under 1 a model whose codes are not of one
scale along the shift may already have arrived; over 1 it overshoots, which a judge may take for more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from speech_factorization.evaluation.experiments.manipulation import changes
from speech_factorization.evaluation.experiments.shift import encode, gather, move, needs, own_means, plan
from speech_factorization.evaluation.judges import Judge
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.interfaces import Batch, Data

__all__ = ["FAMILIES", "key", "needs", "run"]

# The nearest neighbours would take most of the time.
FAMILIES = ("mlp", "cnn")

Curves = Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]


def key(strength: float) -> str:
    """b 0.85 is b085."""
    return f"b{round(100 * strength):03d}"


def run(
    model: Any,
    means: Mapping[str, Tensor],
    test: Iterable[Batch],
    judges: Mapping[str, Judge],
    data: Data,
    seed: int,
    strengths: Sequence[float],
    limit: int | None = None,
) -> Outcome:
    """manipulation_strength -> FACTOR -> mlp | cnn -> b085 ... -> {delta_target, delta_other}.

    As in `manipulation.run`, of `limit` test segments; strengths: the values of b, in their order.
    """
    segments = gather(test, limit, seed)
    own = own_means(model, means)
    families = {name: judge for name, judge in judges.items() if name in FAMILIES}
    before = {name: judge.posterior(segments.x) for name, judge in families.items()}
    z = encode(model, segments.x)
    curves: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for p in plan(segments, data, own, seed):
        curve: dict[str, dict[str, dict[str, float]]] = {name: {} for name in families}
        for b in strengths:
            moved = move(model, z[p.items], p.source, p.target, own[p.factor], b)
            for name, judge in families.items():
                found = changes(before[name], judge.posterior(moved), segments, p)
                curve[name][key(b)] = {kind: found[kind] for kind in ("delta_target", "delta_other")}
        curves[p.factor] = curve
    figures = {"strength": _draw(curves, strengths)} if curves else {}
    return Outcome({"manipulation_strength": curves}, figures)


def _draw(curves: Curves, strengths: Sequence[float]) -> Figure:
    """A column per factor: above the rise of the target class, below the side effect, a line per judge."""
    figure = Figure(figsize=(3.6 * len(curves), 4.6), layout="constrained")
    axes = figure.subplots(2, len(curves), squeeze=False, sharex=True, sharey="row")
    for column, (factor, curve) in zip(axes.T, curves.items(), strict=True):
        for ax, kind in zip(column, ("delta_target", "delta_other"), strict=True):
            for judge, points in curve.items():
                values = [points[key(b)][kind] for b in strengths]
                ax.plot(strengths, values, marker="o", markersize=3, label=judge)
            ax.axvline(1, color="0.8", linewidth=1, zorder=0)
            ax.axhline(0, color="0.8", linewidth=1, zorder=0)
        column[0].set_title(f"{factor} changed", fontsize=10)
        column[1].set_xlabel("scale b of the shift")
    axes[0, 0].set_ylabel("delta of the target class")
    axes[1, 0].set_ylabel("side effect: delta\nof the other factor")
    axes[0, 0].legend(title="judge", fontsize=8, title_fontsize=8)
    return figure
