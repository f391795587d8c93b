"""From a neutral mean code along factor directions, one after another (arXiv 1910.13288): are factors directions?

Neutral is the mean of class means. First the vowel's direction is added (the mean of its codes less the neutral one),
then the sex's, then the speaker's within that sex. If factors are directions the judge follows every step, and what
was set before stays.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from speech_factorization.evaluation.codes import Integers
from speech_factorization.evaluation.experiments.vowels.common import Material, array, needs
from speech_factorization.evaluation.experiments.vowels.figures import grid
from speech_factorization.evaluation.metrics import texture
from speech_factorization.evaluation.outcome import Outcome

__all__ = ["Target", "needs", "run", "targets"]

SPEAKERS = 3  # of each sex
FACTORS = ("phone", "sex", "speaker")


class Target(NamedTuple):
    """Classes a walk leads to; sex: -1 where the corpus names none."""

    phone: int
    sex: int
    speaker: int


def targets(material: Material) -> list[Target]:
    """Every vowel, sex, and the first speakers of that sex who have training vowels."""
    phone, speaker = (material.train.classes(name) for name in ("phone", "speaker"))
    sex = material.train.classes("sex") if "sex" in material.names else np.full(len(phone), -1)
    found = []
    for v, s in itertools.product(np.unique(phone[phone >= 0]), np.unique(sex)):
        known = np.unique(speaker[(sex == s) & (speaker >= 0)])[:SPEAKERS]
        found += [Target(int(v), int(s), int(k)) for k in known]
    return found


def run(material: Material) -> Outcome:
    """directions -> SPACE -> neutral, phone, sex, speaker (the steps) -> numbers, means over targets.

    p_phone, p_sex, p_speaker: the judge's posterior of the target's classes after the step; typicality_by_SPACE:
    two-sided; contrast: over that of real vowels. `targets`: how many walks. Steps that a corpus has no classes for
    are left out.
    """
    wanted = targets(material)
    steps = [name for name in FACTORS if len(material.names.get(name, ())) > 1]
    lengths = material.train.lengths.median().expand(len(wanted))
    mask = material.model.front.mask(lengths, lengths)
    real = texture.contrast(material.shown(material.test.image), material.test.mask.cpu().numpy()).mean()
    numbers: dict[str, Any] = {"targets": len(wanted)}
    shown = {}
    for space in material.spaces:
        codes = _walk(material, space, wanted, steps)
        images = {step: material.decode(space, z, mask) for step, z in codes.items()}
        numbers[space] = {}
        for step, image in images.items():
            p = material.posterior(image, lengths)
            found = {
                f"p_{name}": float(
                    array(p[name])[np.arange(len(wanted)), [getattr(t, name) for t in wanted]].mean()
                )
                for name in steps
            }
            found["contrast"] = float(
                texture.contrast(material.shown(image), mask.cpu().numpy()).mean() / real
            )
            numbers[space][step] = found | material.typicality(image, mask)
        shown[space] = images
    return Outcome({"directions": numbers}, {"directions": _draw(material, wanted, shown)})


def _walk(material: Material, space: str, wanted: list[Target], steps: list[str]) -> dict[str, Tensor]:
    """neutral and each step -> codes [targets, D]."""
    z = material.codes[space]["train"]
    train = material.train
    classes = {
        name: train.classes(name) for name in ("phone", "speaker", *(["sex"] if "sex" in steps else []))
    }
    means = {name: _means(z, of, len(material.names[name])) for name, of in classes.items()}
    neutral = _mean(means["phone"])
    at = neutral.expand(len(wanted), -1)
    found = {"neutral": at}
    for step in steps:
        index = [getattr(target, step) for target in wanted]
        # A speaker's own direction begins where that of the sex has led to.
        origin = neutral
        if step == "speaker" and "sex" in steps:
            origin = torch.stack([means["sex"][target.sex] for target in wanted])
        elif step != "phone":
            origin = _mean(means[step])
        at = at + means[step][index] - origin
        found[step] = at
    return found


def _means(z: Tensor, classes: Integers, count: int) -> Tensor:
    """Mean code of every class [count, D]; of one without items NaN."""
    index = torch.from_numpy(classes).to(z.device)
    return torch.stack([z[index == c].mean(0) for c in range(count)])


def _mean(means: Tensor) -> Tensor:
    """Mean [D] of the classes that have items."""
    return means[means.isfinite().all(1)].mean(0)


def _draw(material: Material, wanted: list[Target], shown: dict[str, dict[str, Tensor]]) -> Figure:
    """One panel: a line per space, neutral first, then step by step, to two targets."""
    first = wanted[0]
    other = [t for t in wanted if t.phone != first.phone and (t.sex != first.sex or first.sex < 0)]
    chosen = [wanted.index(t) for t in [first, *other[:1]]]
    lines, said = {}, []
    for space, images in shown.items():
        lines[space] = torch.cat([image[i : i + 1] for i in chosen for image in images.values()])
    for i in chosen:
        for step in next(iter(shown.values())):
            name = "neutral" if step == "neutral" else material.names[step][getattr(wanted[i], step)]
            said.append(name if step == "neutral" else f"+ {name}")
    return grid(lines, {}, said)
