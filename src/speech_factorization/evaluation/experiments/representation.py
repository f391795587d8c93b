"""What a model's codes hold of each factor: maps, what is read from them, how far apart classes lie (ICASSP 2021).

Codes are `z` and, of a model with parts, each z_FACTOR and z_rest. Probes are trained on training segments,
stopped on validation segments and scored on test segments. A code of more than 256 dimensions is read along its
first 64 principal axes and the span of its class means, both of other training segments than the probes': a
lower bound of what it holds, which may be less than what one of its parts does.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from speech_factorization.evaluation.codes import (
    Codes,
    Floats,
    Integers,
    draw,
    encode,
    principal_axes,
    readable_axes,
    select,
)
from speech_factorization.evaluation.experiments.shift import gather
from speech_factorization.evaluation.maps import choose, draw_maps, embed
from speech_factorization.evaluation.metrics import probes, separation
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.interfaces import Batch, Data

__all__ = ["needs", "run"]

POINTS = 1000  # of a map, at most
LARGE = 256  # dimensions from which a code is read along some axes only
READ_AXES = 64
MAP_AXES = 50
FEWEST = 5  # points of a map


def needs(model: Any) -> str | None:
    """None if the model encodes segments, else why it has no codes of them."""
    if "segments" not in model.inputs:
        return "takes no segments"
    return None if hasattr(model, "encode") else "has no encode"


def run(
    model: Any,
    train: Iterable[Batch],
    valid: Iterable[Batch],
    test: Iterable[Batch],
    data: Data,
    seed: int,
    limit: int | None = None,
    training: int = 8000,
) -> Outcome:
    """leak, leak_mlp: {FACTOR_from_CODE, chance_FACTOR}; separation: FACTOR -> CODE -> {f_ratio, silhouette}.

    leak is the linear probe's recall, leak_mlp the MLP's, see metrics/probes.py; chance is 1 / classes. Factors
    of fewer than two classes are left out, and test segments of a class without training segments. limit: so
    many test segments at most are scored (None or 0: all), those the manipulation experiment draws; training: so
    many training segments at most, one half for the probes, one for the axes they read, and a quarter as many for
    validation. Figures: `tsne` of z, `tsne_parts` of the parts where there are any, of all test segments of the
    most frequent classes.
    """
    drawn = draw(train, training, seed)
    every = torch.arange(len(drawn.x))
    parts = {"axes": select(drawn, every[::2]), "train": select(drawn, every[1::2])}
    parts["valid"] = draw(valid, training // 4, seed)
    everything = gather(test, None, seed)
    parts["test"] = gather([everything], limit, seed)
    factors = [name for name in data.factors if _told_apart(name, parts["train"], parts["test"])]
    if not factors:
        return Outcome({})
    items, shown = choose(_classes(everything, factors), min(POINTS, limit or POINTS), seed)
    parts["map"] = select(everything, torch.from_numpy(items))
    codes = {name: encode(model, segments) for name, segments in parts.items()}
    classes = {name: _classes(segments, factors) for name, segments in parts.items()}
    axes = {name: principal_axes(code, READ_AXES, seed) for name, code in codes["axes"].items()}
    numbers = _leak(codes, classes, axes, seed) | _separation(codes["test"], classes["test"])
    if len(items) < FEWEST:
        return Outcome(numbers)
    points = {}
    for name, code in codes["map"].items():
        # Axes of a code that is read along all of its dimensions are in no order.
        own = axes[name] if code.shape[1] > READ_AXES else principal_axes(codes["axes"][name], MAP_AXES, seed)
        points[name] = embed(code @ own[:, :MAP_AXES], seed)
    return Outcome(numbers, _figures(points, classes["map"], shown, data))


def _told_apart(factor: str, train: Batch, test: Batch) -> bool:
    """Whether training and test segments are of two classes or more, and those not all of one segment."""
    for batch in (train, test):
        classes = batch.factors[factor].cpu().numpy()
        known = classes[classes >= 0]
        if not 2 <= len(np.unique(known)) < len(known):
            return False
    return True


def _classes(segments: Batch, factors: Iterable[str]) -> dict[str, Integers]:
    """Factor -> class of every segment [N]; -1 where unknown."""
    return {name: segments.factors[name].cpu().numpy() for name in factors}


def _leak(
    codes: Mapping[str, Codes],
    classes: Mapping[str, Mapping[str, Integers]],
    axes: Mapping[str, Floats],
    seed: int,
) -> dict[str, dict[str, float]]:
    """Both probes of every factor from every code; codes and classes: part of the data -> name -> array."""
    found: dict[str, dict[str, float]] = {"leak": {}, "leak_mlp": {}}
    for code, principal in axes.items():
        x = {part: codes[part][code] for part in ("train", "valid", "test")}
        if x["train"].shape[1] > LARGE:
            read = readable_axes(codes["axes"][code], classes["axes"], principal)
            x = {part: values @ read for part, values in x.items()}
        for factor in classes["train"]:
            y = {part: classes[part][factor] for part in x}
            # A class without training segments cannot be read.
            kept = {part: np.isin(y[part], y["train"][y["train"] >= 0]) for part in x}
            (train, y_train), (valid, y_valid), (test, truth) = (
                (x[part][kept[part]], y[part][kept[part]]) for part in ("train", "valid", "test")
            )
            name = f"{factor}_from_{code}"
            found["leak"][name] = probes.recall(truth, probes.linear(train, y_train, test))
            read_by_mlp = probes.mlp(train, y_train, valid, y_valid, test, seed)
            found["leak_mlp"][name] = probes.recall(truth, read_by_mlp)
            for block in found.values():
                block[f"chance_{factor}"] = 1 / len(np.unique(y_train))
    return found


def _separation(codes: Codes, classes: Mapping[str, Integers]) -> dict[str, Any]:
    """separation -> FACTOR -> CODE -> metrics."""
    found: dict[str, Any] = {name: {} for name in classes}
    for code, x in codes.items():
        for factor, metrics in separation.evaluate(x, classes).items():
            found[factor][code] = metrics
    return {"separation": found}


def _figures(
    points: Mapping[str, Floats],
    classes: Mapping[str, Integers],
    shown: Mapping[str, list[int]],
    data: Data,
) -> dict[str, Figure]:
    """Maps of z and of its parts."""
    whole = {"z": points["z"]}
    parts = {name: at for name, at in points.items() if name != "z"}
    figures = {"tsne": draw_maps(whole, classes, shown, data.factors)}
    return figures | ({"tsne_parts": draw_maps(parts, classes, shown, data.factors)} if parts else {})
