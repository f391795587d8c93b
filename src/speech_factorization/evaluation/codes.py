"""Codes of segments as arrays: drawn, taken apart by name, and brought to a size a small classifier can take."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch

__all__ = ["Codes", "Floats", "Integers", "draw", "encode", "principal_axes", "readable_axes", "select"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Codes = dict[str, Floats]

BATCH = 256


def draw(batches: Iterable[Batch], limit: int, seed: int) -> Batch:
    """At most `limit` segments, drawn uniformly by the seed, in their order.

    No more than twice as many (and a batch) are ever held, however many there are.
    """
    rng = np.random.default_rng([seed, 4])
    held: list[Batch] = []
    keys = np.zeros(0)
    for batch in batches:
        held.append(batch)
        keys = np.concatenate([keys, rng.random(len(batch.x))])
        if len(keys) > 2 * limit:
            held, keys = _least(held, keys, limit)
    if not len(keys):
        raise InputError("no segments to take codes of", remedy="check the split")
    (found,), _ = _least(held, keys, limit)
    return found


def _least(held: list[Batch], keys: NDArray[np.float64], limit: int) -> tuple[list[Batch], Any]:
    """The segments with the `limit` least keys as one batch, and those keys."""
    kept = np.sort(np.argsort(keys, kind="stable")[:limit])
    index = torch.from_numpy(kept)
    names = [name for batch in held for name in batch.utterances]
    joined = Batch(
        torch.cat([batch.x for batch in held]),
        torch.cat([batch.lengths for batch in held]),
        {name: torch.cat([batch.factors[name] for batch in held]) for name in held[0].factors},
        tuple(names),
    )
    return [select(joined, index)], keys[kept]


def select(batch: Batch, index: torch.Tensor) -> Batch:
    """The items of a batch at `index` [n]."""
    at = index.to(batch.x.device)
    return Batch(
        batch.x[at],
        batch.lengths[at],
        {name: values[at] for name, values in batch.factors.items()},
        tuple(batch.utterances[i] for i in index.tolist()) if batch.utterances else (),
    )


@torch.no_grad()
def encode(model: Any, segments: Batch) -> Codes:
    """`z`, then each part z_FACTOR and z_rest the model gives, [N, D] float32.

    Parts of no size are left out, and a rest that is all of z.
    """
    found: dict[str, list[Floats]] = {}
    for i in range(0, len(segments.x), BATCH):
        codes = {name: code.flatten(1) for name, code in model.encode(segments.x[i : i + BATCH]).items()}
        for name in ("z", *(name for name in codes if name.startswith("z_"))):
            size = codes[name].shape[1]
            if size and not (name == "z_rest" and size == codes["z"].shape[1]):
                found.setdefault(name, []).append(codes[name].cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def principal_axes(train: Floats, count: int, seed: int) -> Floats:
    """[D, count] orthonormal: principal components of codes [N, D], the first first, by a randomised algorithm.

    Of a code of no more dimensions than that: the unit vectors, in no such order.
    """
    n, d = train.shape
    if d <= count:
        return np.eye(d, dtype=train.dtype)
    pca = PCA(min(count, n), svd_solver="randomized", random_state=seed)
    axes: Floats = pca.fit(train).components_.T
    return axes


def readable_axes(train: Floats, classes: Mapping[str, Integers], principal: Floats) -> Floats:
    """[D, d] orthonormal: the span of the class means of codes [N, D] and of the principal axes [D, count].

    What a factor's means tell is not cut off, however small beside the rest: where all dimensions have nearly one
    variance, as in a flow's code, principal axes alone would lose it. Means of so many dimensions fit the segments
    they are taken of: a probe must be trained on others. classes: factor -> [N], -1 where unknown.
    """
    parts = [principal]
    for index in classes.values():
        means = np.stack([train[index == c].mean(0) for c in np.unique(index[index >= 0])])
        parts.append((means - means.mean(0)).T)
    axes, weight = np.linalg.qr(np.concatenate(parts, axis=1))
    # K means span K - 1 dimensions at most, and may lie on the principal axes.
    size = np.abs(np.diag(weight))
    kept: Floats = axes[:, size > 1e-4 * size.max()]
    return kept
