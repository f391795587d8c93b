"""Directions that tell classes apart, in the spectrogram and in the code (arXiv 1910.13288, figure 7).

aa and ae, women and men, two speakers: linear discriminant analysis after principal components, and ridge regression
on all dimensions beside it, cross-validated over speakers (two speakers: over utterances) of all vowels there are.
Labels were never shown to the model, so its training vowels count as well.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from speech_factorization.evaluation.experiments.vowels.common import Material, array, needs
from speech_factorization.evaluation.experiments.vowels.figures import TITLES
from speech_factorization.evaluation.metrics import two_classes
from speech_factorization.evaluation.outcome import Outcome

__all__ = ["Pair", "needs", "pairs", "run"]

FOLDS = 5
# Of each class at most: inner products of all items are held.
ITEMS = 300


class Pair(NamedTuple):
    """A factor and two of its classes."""

    factor: str
    classes: tuple[int, int]


def pairs(material: Material) -> dict[str, Pair | str]:
    """vowel, sex, speaker -> two classes, or why there are none. The speakers are those of one sex with most vowels."""
    found: dict[str, Pair | str] = {}
    found["vowel"] = "one vowel alone" if material.vowels is None else Pair("phone", material.vowels)
    sexes = material.names.get("sex", ())
    found["sex"] = Pair("sex", (0, 1)) if len(sexes) == 2 else f"{len(sexes)} sex alone"
    speaker, sex = _all(material, "speaker"), _all(material, "sex") if sexes else None
    best: tuple[int, tuple[int, int]] | None = None
    for one in range(max(len(sexes), 1)):
        among = speaker[(speaker >= 0) & (True if sex is None else sex == one)]
        counts = np.bincount(among, minlength=2)
        first, second = np.argsort(-counts, kind="stable")[:2].tolist()
        if counts[second] and (best is None or counts[second] > best[0]):
            best = int(counts[second]), (min(first, second), max(first, second))
    found["speaker"] = "no two speakers of one sex" if best is None else Pair("speaker", best[1])
    return found


def run(material: Material) -> Outcome:
    """lda -> vowel | sex | speaker -> SPACE -> the metrics of two_classes.py, or why there are no two classes.

    Folds are of whole speakers, those of two speakers of whole utterances; at most 300 vowels of each class, drawn by
    the seed, the training ones included. items: how many of both; an error is of a line found from no more than these.
    """
    numbers: dict[str, Any] = {}
    shown: dict[str, tuple[Pair, NDArray[np.int64], dict[str, two_classes.Scores]]] = {}
    for name, pair in pairs(material).items():
        if isinstance(pair, str):
            numbers[name] = {"skipped": pair}
            continue
        items, classes = _items(_all(material, pair.factor), pair, material.seed)
        whole = "utterance" if pair.factor == "speaker" else "speaker"
        groups = np.concatenate([of.rows[whole] for of in (material.train, material.test)])
        folds = _folds(groups[items], material.seed)
        if any(len(np.unique(folds[classes == c])) < 2 for c in (0, 1)):
            numbers[name] = {"skipped": f"{_said(material, pair)} are of too few {whole}s"}
            continue
        found = {
            space: two_classes.scores(_codes(material, space)[items], classes, folds, material.seed)
            for space in material.spaces
        }
        counts = np.bincount(classes).tolist()
        numbers[name] = {"classes": _said(material, pair), "items": len(items), "fewest": min(counts)}
        numbers[name] |= {space: two_classes.evaluate(classes, of) for space, of in found.items()}
        shown[name] = (pair, classes, found)
    return Outcome({"lda": numbers}, {"lda": _draw(material, shown, numbers)} if shown else {})


def _all(material: Material, factor: str) -> NDArray[np.int64]:
    return np.concatenate([material.train.classes(factor), material.test.classes(factor)])


def _codes(material: Material, space: str) -> Any:
    return array(torch.cat([material.codes[space][part] for part in ("train", "test")]))


def _items(classes: NDArray[np.int64], pair: Pair, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of vowels of either class [n], and which of both each is."""
    rng = np.random.default_rng([seed, 29])
    kept = []
    for c in pair.classes:
        of = np.flatnonzero(classes == c)
        kept.append(np.sort(rng.choice(of, min(len(of), ITEMS), replace=False)))
    return np.concatenate(kept), np.repeat([0, 1], [len(of) for of in kept])


def _folds(groups: NDArray[Any], seed: int) -> NDArray[np.int64]:
    """Fold of every item: whole groups, dealt out at random."""
    names, number = np.unique(groups.astype(str), return_inverse=True)
    fold = np.random.default_rng([seed, 31]).permutation(len(names)) % FOLDS
    found: NDArray[np.int64] = fold[number]
    return found


def _said(material: Material, pair: Pair) -> str:
    return " and ".join(material.names[pair.factor][c] for c in pair.classes)


def _draw(material: Material, shown: Any, numbers: dict[str, Any]) -> Figure:
    """A row per pair of classes, a column for the spectrogram and one for the code: both directions, held-out items."""
    columns = [name for name in ("spectrogram", material.own) if name in material.spaces]
    figure = Figure(figsize=(3.6 * len(columns), 3.1 * len(shown)), layout="constrained")
    axes = figure.subplots(len(shown), len(columns), squeeze=False)
    for row, (name, (pair, classes, found)) in zip(axes, shown.items(), strict=True):
        for ax, space in zip(row, columns, strict=True):
            for c in (0, 1):
                label = material.names[pair.factor][pair.classes[c]]
                of = classes == c
                ax.scatter(found[space].first[of], found[space].second[of], s=5, linewidths=0, label=label)
            ax.axvline(0, color="0.7", linewidth=0.8, zorder=0)
            error = numbers[name][space]["error"]
            ax.set_title(f"{TITLES.get(space, space)}, error {error:.3f}", fontsize=9)
            ax.legend(fontsize=7)
        row[0].set_ylabel("second direction")
    for ax in axes[-1]:
        ax.set_xlabel("first direction")
    return figure
