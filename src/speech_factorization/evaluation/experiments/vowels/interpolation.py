"""From one vowel to another along a line of codes (arXiv 1910.13288): does it change gradually, is the space dense?

Paths lead from aa to ae of one speaker, from a woman's to a man's vowel of one kind and from one speaker's to
another's of one sex. What is to change is judged to change, what is to stay to stay; lines are straight, or on the
sphere (slerp: Shoemake, Animating rotation with quaternion curves, 1985), in every space, the spectrogram included.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.evaluation.codes import Floats
from speech_factorization.evaluation.experiments.vowels.common import (
    Material,
    Vowels,
    array,
    decode,
    encode,
    needs,
)
from speech_factorization.evaluation.experiments.vowels.figures import TITLES, grid, heard, played_as
from speech_factorization.evaluation.metrics import texture
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.features.vowel_code import VowelCode

__all__ = ["WEIGHTS", "Kind", "Path", "kinds", "linear", "needs", "pairs", "run", "slerp", "walk"]

WEIGHTS = tuple(i / 10 for i in range(11))
MIDDLE = len(WEIGHTS) // 2
PAIRS = 24
# A posterior that falls by less in a step is not said to fall: at either end it has nowhere to go.
LEVEL = 0.01

Line = Callable[[Tensor, Tensor, Tensor], Tensor]


class Kind(NamedTuple):
    """Which factor a path changes, from which class to which (None: to any other), and what both ends share."""

    changes: str
    ends: tuple[int, int] | None
    keeps: tuple[str, ...]


class Path(NamedTuple):
    """Images at W weights on the lines of P pairs: [P W, T, M], with mask [P W, T] and lengths [P W]."""

    image: Tensor
    mask: Tensor
    lengths: Tensor


def linear(a: Tensor, b: Tensor, w: Tensor) -> Tensor:
    """(1 - w) a + w b; a, b [P, D], w [P, 1]."""
    return torch.lerp(a, b, w)


def slerp(a: Tensor, b: Tensor, w: Tensor) -> Tensor:
    """(sin((1 - w) t) a + sin(w t) b) / sin t with the angle t between a and b [P, D]; w [P, 1].

    A straight line between independent normal vectors passes the centre at 1 / sqrt(2) of their distance from it,
    where the density is high and nothing lies.
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1)[:, None].clamp(-1, 1)
    t = cosine.acos().clamp(min=1e-4)
    found: Tensor = (((1 - w) * t).sin() * a + (w * t).sin() * b) / t.sin().clamp(min=1e-4)
    return torch.where(t > 1e-3, found, linear(a, b, w))


def kinds(material: Material) -> dict[str, Kind | str]:
    """Name of a kind of path -> what it is, or why this corpus has none."""
    found: dict[str, Kind | str] = {}
    vowels = material.vowels
    found["vowel"] = "one vowel alone" if vowels is None else Kind("phone", vowels, ("speaker",))
    sexes = material.names.get("sex", ())
    found["sex"] = Kind("sex", (0, 1), ("phone",)) if len(sexes) == 2 else f"{len(sexes)} sex alone"
    same = ("phone", "sex") if sexes else ("phone",)
    found["speaker"] = (
        Kind("speaker", None, same) if len(material.names["speaker"]) > 1 else "one speaker alone"
    )
    return found


def pairs(vowels: Vowels, kind: Kind, seed: int, limit: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The vowels [P] that paths begin at, and those they end at, drawn by the seed; none begins two paths."""
    classes = {name: vowels.classes(name) for name in (kind.changes, *kind.keeps)}
    changes = classes[kind.changes]
    known = np.all([c >= 0 for c in classes.values()], axis=0)
    rng = np.random.default_rng([seed, 13])
    found: list[tuple[int, int]] = []
    for a in rng.permutation(len(vowels)).tolist():
        fits = known & (changes != changes[a])
        if kind.ends is not None:
            fits &= (changes[a] == kind.ends[0]) & (changes == kind.ends[1])
        for name in kind.keeps:
            fits &= classes[name] == classes[name][a]
        if known[a] and fits.any() and len(found) < limit:
            found.append((a, int(rng.choice(np.flatnonzero(fits)))))
    both = np.array(found, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def walk(code: VowelCode, line: Line, a: Vowels, b: Vowels, weights: Sequence[float]) -> Path:
    """The path from every vowel of a to that of b; in time it goes from one length to the other."""
    count = len(a)
    w = torch.tensor(list(weights), device=a.image.device).repeat(count)[:, None]
    each = torch.arange(count, device=a.image.device).repeat_interleave(len(weights))
    ends = [encode(code, of.image, of.mask)[each] for of in (a, b)]
    between = torch.lerp(a.lengths[each].float(), b.lengths[each].float(), w[:, 0])
    lengths = between.round().to(torch.int64)
    mask = code.front.mask(lengths, lengths)
    return Path(decode(code, line(ends[0], ends[1], w), mask), mask, lengths)


def run(material: Material) -> Outcome:
    """interpolation -> vowel | sex | speaker -> SPACE or SPACE_sphere -> numbers, or why there is no such path.

    target_at_start, target_at_middle, target_at_end: the judge's posterior of the class that the path leads to;
    monotonicity: share of steps of .1 in which it does not fall; largest_step: its largest rise, .1 at best. kept_*:
    posterior of the class both ends share (speaker, or vowel), at the ends, between them, and the least of each
    path. typicality_by_SPACE: share of points between the ends that are as probable as real vowels, two-sided; beside
    it that of the ends. contrast, roughness: at the middle over those of its ends; nearest_ratio: see nearest.py;
    bits_gain: how many bits per bin fewer the middle takes than its ends, which is no evidence of anything.
    `original`: the same of the ends' own pictures, without the model's front.
    """
    numbers: dict[str, Any] = {"weights": f"{WEIGHTS[0]:g} to {WEIGHTS[-1]:g}"}
    figures, curves = {}, {}
    sounds: dict[str, NDArray[np.float32]] = {}
    for name, kind in kinds(material).items():
        if isinstance(kind, str):
            numbers[name] = {"skipped": kind}
            continue
        a, b = pairs(material.test, kind, material.seed, PAIRS)
        if not len(a):
            numbers[name] = {"skipped": "no two such vowels in the data scored"}
            continue
        first, last = material.test.at(a), material.test.at(b)
        paths = {
            title: walk(material.spaces[space], line, first, last, WEIGHTS)
            for title, (space, line) in _lines(material).items()
        }
        judged = {title: _judged(material, kind, path, first, last) for title, path in paths.items()}
        numbers[name] = {
            "pairs": len(a),
            "changes": _said(material, kind),
            "original": _ends(kind, first, last),
        }
        for title, path in paths.items():
            numbers[name][title] = _along(*judged[title]) | _place(material, path)
        curves[name] = judged
        figures[f"interpolation_{name}"] = _draw(paths, judged)
        if name == "vowel":
            sounds = _sounds(material, paths, first.at(np.zeros(1, np.int64)))
    if curves:
        figures["interpolation"] = _curves(curves)
    return Outcome({"interpolation": numbers}, figures, sounds)


def _lines(material: Material) -> dict[str, tuple[str, Line]]:
    """Name -> space and kind of line: straight in every space, on the sphere where codes have a prior N(0, I)."""
    found: dict[str, tuple[str, Line]] = {}
    for space in material.spaces:
        found[space] = (space, linear)
        if space != "spectrogram":
            found[f"{space}_sphere"] = (space, slerp)
    return found


def _said(material: Material, kind: Kind) -> str:
    names = material.names[kind.changes]
    return kind.changes if kind.ends is None else " to ".join(names[c] for c in kind.ends)


def _ends(kind: Kind, first: Vowels, last: Vowels) -> dict[str, float]:
    """What the judge says of the ends' pictures themselves."""
    target = torch.from_numpy(last.classes(kind.changes))
    kept = torch.from_numpy(first.classes(kind.keeps[0]))
    at = {end: of.posterior[kind.changes].cpu() for end, of in (("start", first), ("end", last))}
    keeps = [of.posterior[kind.keeps[0]].cpu().gather(1, kept[:, None]).mean() for of in (first, last)]
    found = {f"target_at_{end}": float(p.gather(1, target[:, None]).mean()) for end, p in at.items()}
    return found | {"kept_at_ends": float(sum(keeps)) / 2}


def _judged(material: Material, kind: Kind, path: Path, first: Vowels, last: Vowels) -> tuple[Floats, Floats]:
    """Posterior of the class a path leads to, and of the first class that it is to keep, [P, W] each."""
    p = material.posterior(path.image, path.lengths)
    found = []
    for factor, of in ((kind.changes, last), (kind.keeps[0], first)):
        each = of.factors[factor].repeat_interleave(len(WEIGHTS))
        found.append(array(p[factor].gather(1, each[:, None])).reshape(-1, len(WEIGHTS)))
    return found[0], found[1]


def _along(target: Floats, kept: Floats) -> dict[str, float]:
    steps = np.diff(target, axis=1)
    return {
        "target_at_start": float(target[:, 0].mean()),
        "target_at_middle": float(target[:, MIDDLE].mean()),
        "target_at_end": float(target[:, -1].mean()),
        "monotonicity": float((steps > -LEVEL).mean()),
        "largest_step": float(steps.max(1).mean()),
        "kept_at_ends": float(kept[:, [0, -1]].mean()),
        "kept_between": float(kept[:, 1:-1].mean()),
        "kept_least": float(kept.min(1).mean()),
    }


def _place(material: Material, path: Path) -> dict[str, float]:
    """Where the path lies: how typical, how smooth, how far from real vowels."""
    number = torch.arange(len(path.image), device=path.image.device) % len(WEIGHTS)
    between = (number > 0) & (number < len(WEIGHTS) - 1)
    found = material.typicality(path.image[between], path.mask[between])
    at_ends = material.typicality(path.image[~between], path.mask[~between])
    found |= {name.replace("_by_", "_of_ends_by_"): share for name, share in at_ends.items()}
    bits = material.bits(material.own, path.image, path.mask).reshape(-1, len(WEIGHTS))
    found["bits_gain"] = float((bits[:, [0, -1]].mean(1) - bits[:, MIDDLE]).mean())
    x, mask = material.shown(path.image), path.mask.cpu().numpy()
    for name, measure in (("contrast", texture.contrast), ("roughness", texture.roughness)):
        values = measure(x, mask).reshape(-1, len(WEIGHTS))
        found[name] = float(values[:, MIDDLE].mean() / values[:, [0, -1]].mean())
    found["nearest_ratio"] = float(material.nearest(material.flat(path.image[number == MIDDLE])).mean())
    return found


def _sounds(material: Material, paths: Mapping[str, Path], vowel: Vowels) -> dict[str, NDArray[np.float32]]:
    """The first pair's paths, with the phase of the vowel that they begin at."""
    waves = {}
    for title, path in paths.items():
        if not title.startswith("ppca"):
            waves[f"interpolation_{title}"] = heard(material, path.image[: len(WEIGHTS)], vowel)
    return played_as(waves, f"interpolation_{material.own}")


def _draw(paths: Mapping[str, Path], judged: Mapping[str, tuple[Floats, Floats]]) -> Figure:
    """The first pair: a line of images per path; above each the posterior of what it leads to."""
    images = {title: path.image[: len(WEIGHTS)] for title, path in paths.items()}
    titles = {title: [f"p {p:.2f}" for p in target[0]] for title, (target, _) in judged.items()}
    return grid(images, titles, [f"{w:g}" for w in WEIGHTS])


def _curves(curves: Mapping[str, Mapping[str, tuple[Floats, Floats]]]) -> Figure:
    """A panel per kind of path: what changes (solid) and what is to stay (dotted), means over pairs."""
    figure = Figure(figsize=(3.6 * len(curves), 3.4), layout="constrained")
    axes = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for ax, (name, judged) in zip(axes, curves.items(), strict=True):
        for number, (title, (target, kept)) in enumerate(judged.items()):
            colour = f"C{number}"
            # One Gaussian's straight line lies under the spectrogram's.
            style = "dashed" if title == "spectrogram" else "solid"
            label = TITLES.get(title, title)
            ax.plot(WEIGHTS, target.mean(0), color=colour, label=label, linewidth=1.2, linestyle=style)
            ax.plot(WEIGHTS, kept.mean(0), color=colour, linestyle="dotted", linewidth=1.2)
        ax.set(title=f"{name} changed", xlabel="weight", ylim=(-0.03, 1.03))
    axes[0].set_ylabel("posterior: of the target (solid),\nof what is kept (dotted)")
    axes[0].legend(fontsize=7)
    return figure
