"""What can be read from units of speech: phones, which they should tell, speaker and F0, which they should not.

Units are found in the training speakers of `speaker_split`. So phones and F0 are read by classifiers trained on
these speakers' utterances, and scored on the test speakers, whom nothing has heard. Who speaks can only be read of
speakers one has heard: from the shares of the units in an utterance, by a classifier trained on the training and
validation sentences of all speakers (`split`) and scored on their test sentences.

A moment is read from the 11 units around it, every 20 ms from 100 ms before it to 100 ms behind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from speech_factorization.evaluation.metrics import probes, units

__all__ = ["Material", "run"]

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

RATE = 16_000
F0_HOP = 80
STEP, AROUND = 320, 5
# F0 is told apart in so many ranges, equally frequent in training.
RANGES = 10
PENALTY = 10.0


Figures = tuple[dict[str, float], dict[str, float]]


class _Lacking(Exception):
    """Why something cannot be read."""


@dataclass(frozen=True)
class Material:
    """What units are held against.

    utterances: utterance, speaker, split, speaker_split; alignment: utterance, phone, begin, end, silence among the
    phones, empty without labels; silence: its name; f0: utterance -> [frames], Hz every 80 samples, 0 unvoiced, or
    None; limit: how many items a probe learns from, and is scored on, at most; seed: of which, and of its weights.
    """

    utterances: pd.DataFrame
    alignment: pd.DataFrame
    silence: str
    f0: Mapping[str, Floats] | None
    limit: int
    seed: int

    def names(self, split: str) -> list[str]:
        """Utterances of one part of `speaker_split`."""
        table = self.utterances
        return [str(name) for name in table.loc[table["speaker_split"] == split, "utterance"]]


def run(
    streams: Mapping[str, Integers], codes: int, hop: int, material: Material
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Figures by name; what chance scores, by the same names; and of those that cannot be had the reason.

    streams: utterance -> units [ceil(samples / hop)], each one of `codes`.
    usage, perplexity, the bit rates, runs_per_second, pnmi, phone_purity, phone_accuracy (mean over phones), f0_r2 and
    f0_accuracy (of 10 ranges) of log F0 less the speaker's mean: test speakers. speaker_accuracy: test sentences.
    """
    test = [streams[name] for name in material.names("test")]
    rate = RATE / hop
    found = {"usage": units.usage(test, codes), "perplexity": units.perplexity(test, codes)}
    found |= units.bits_per_second(test, codes, rate) | {"runs_per_second": units.runs_per_second(test, rate)}
    chance: dict[str, float] = {}
    lacking: dict[str, str] = {}
    for name, probe in (("phone", _phones), ("f0", _f0), ("speaker", _speakers)):
        try:
            figures, by_chance = probe(streams, codes, hop, material)
        except _Lacking as why:
            lacking[name] = str(why)
        else:
            found |= figures
            chance |= by_chance
    return found, chance, lacking


def frame_phones(rows: pd.DataFrame, count: int, hop: int) -> NDArray[np.object_]:
    """The phone in the middle of each of `count` units; None where there is none. rows: phone, begin, end in order."""
    middle = hop * np.arange(count) + hop // 2
    begins, ends = rows["begin"].to_numpy(np.int64), rows["end"].to_numpy(np.int64)
    place = np.searchsorted(begins, middle, side="right") - 1
    inside = (place >= 0) & (middle < ends[place])
    found = rows["phone"].to_numpy(object)[place]
    found[~inside] = None
    return found


def windows(stream: Integers, moments: Integers, codes: int, hop: int) -> NDArray[np.float32]:
    """The units around samples `moments` [N], one-hot: [N, 11 codes]; the first and the last unit go on."""
    samples = moments[:, None] + STEP * np.arange(-AROUND, AROUND + 1)
    around = stream[(samples // hop).clip(0, len(stream) - 1)]
    found = np.zeros((*around.shape, codes), np.float32)
    np.put_along_axis(found, around[..., None], 1, -1)
    return found.reshape(len(moments), around.shape[1] * codes)


def _phones(streams: Mapping[str, Integers], codes: int, hop: int, material: Material) -> Figures:
    """pnmi and phone_purity over all frames, silence included; phone_accuracy of phones from their middle."""
    rows = {str(name): part for name, part in material.alignment.groupby("utterance", sort=False)}
    test = [name for name in material.names("test") if name in rows]
    if not test or not any(name in rows for name in material.names("train")):
        raise _Lacking("the corpus has no labelled utterances of training and test speakers")
    heard = np.concatenate([frame_phones(rows[name], len(streams[name]), hop) for name in test])
    spoken = np.concatenate([streams[name] for name in test])
    there = np.array([phone is not None for phone in heard])
    _, numbers = np.unique(heard[there].astype(str), return_inverse=True)
    found = units.of_phones(numbers, spoken[there])

    def items(split: str) -> tuple[Floats, NDArray[Any]]:
        moments = {}
        for name in material.names(split):
            if name in rows:
                own = rows[name][rows[name]["phone"] != material.silence]
                middle = (own["begin"].to_numpy(np.int64) + own["end"].to_numpy(np.int64)) // 2
                moments[name] = (middle, own["phone"].to_numpy(str))
        return _drawn(streams, moments, codes, hop, material)

    (x, y), (held, truth), (points, wanted) = (items(split) for split in ("train", "valid", "test"))
    names = np.unique(y)
    known = np.isin(wanted, names)
    if len(names) < 2 or not known.any():
        raise _Lacking("fewer than two phones in training, or none of them in the test")
    points, right = points[known], _numbers(wanted[known], names)
    told = probes.mlp(x, _numbers(y, names), held, _numbers(truth, names), points, material.seed)
    return found | {"phone_accuracy": probes.recall(right, told)}, {"phone_accuracy": 1 / len(names)}


def _f0(streams: Mapping[str, Integers], codes: int, hop: int, material: Material) -> Figures:
    """f0_r2 of log F0 less its speaker's mean, f0_accuracy of its range; of voiced moments."""
    if material.f0 is None:
        raise _Lacking("F0 has not been tracked")

    def items(split: str) -> tuple[Floats, Floats]:
        return _drawn(streams, _melody(material, split), codes, hop, material)

    (x, y), (points, truth) = items("train"), items("test")
    if len(y) < RANGES or len(truth) < 2 or np.ptp(truth) == 0:
        raise _Lacking("there is too little voiced speech of training or test speakers")
    residual = truth - Ridge(PENALTY).fit(x, y).predict(points)
    edges = np.quantile(y, np.arange(1, RANGES) / RANGES)
    told = probes.linear(x, np.searchsorted(edges, y), points)
    found = {
        "f0_r2": float(1 - np.square(residual).sum() / np.square(truth - truth.mean()).sum()),
        "f0_accuracy": probes.recall(np.searchsorted(edges, truth), told),
    }
    return found, {"f0_r2": 0.0, "f0_accuracy": 1 / RANGES}


def _melody(material: Material, split: str) -> dict[str, tuple[Integers, Floats]]:
    """Utterance -> the samples of its voiced moments, and log F0 there less its speaker's mean."""
    assert material.f0 is not None
    table = material.utterances
    found: dict[str, tuple[Integers, Floats]] = {}
    for _, rows in table[table["speaker_split"] == split].groupby("speaker", sort=False):
        f0 = {str(name): np.asarray(material.f0[str(name)], np.float64) for name in rows["utterance"]}
        voiced = {name: np.flatnonzero(hertz) for name, hertz in f0.items()}
        logs = {name: np.log(hertz[voiced[name]]) for name, hertz in f0.items()}
        together = np.concatenate(list(logs.values()))
        mean = together.mean() if len(together) else 0.0
        found |= {name: (F0_HOP * voiced[name] + F0_HOP // 2, logs[name] - mean) for name in f0}
    return found


def _speakers(streams: Mapping[str, Integers], codes: int, hop: int, material: Material) -> Figures:
    """speaker_accuracy: from the square roots of the shares of units in an utterance."""
    table = material.utterances
    held = (table["split"] == "test").to_numpy()
    classes, counts = np.unique(table["speaker"].to_numpy(str)[~held], return_counts=True)
    scored = held & table["speaker"].isin(classes).to_numpy()
    if len(classes) < 2 or counts.max() < 2 or not scored.any():
        raise _Lacking("no two speakers have sentences in training, and one of them in the test (split)")
    shares = np.stack(
        [np.bincount(streams[n], minlength=codes) / len(streams[n]) for n in table["utterance"].astype(str)]
    )
    index = _numbers(table["speaker"].to_numpy(str), classes)
    told = probes.linear(np.sqrt(shares[~held]), index[~held], np.sqrt(shares[scored]))
    accuracy = probes.recall(index[scored], told)
    return {"speaker_accuracy": accuracy}, {"speaker_accuracy": 1 / len(classes)}


def _drawn(
    streams: Mapping[str, Integers],
    moments: Mapping[str, tuple[Integers, NDArray[Any]]],
    codes: int,
    hop: int,
    material: Material,
) -> tuple[Floats, NDArray[Any]]:
    """Windows [n, 11 codes] at no more than `limit` of the moments, drawn by the seed, and what there is to tell."""
    total = sum(len(samples) for samples, _ in moments.values())
    chosen = np.zeros(total, bool)
    chosen[np.random.default_rng([material.seed, 11]).permutation(total)[: material.limit]] = True
    x: list[Floats] = [np.zeros((0, (2 * AROUND + 1) * codes), np.float32)]
    y: list[NDArray[Any]] = []
    at = 0
    for name, (samples, values) in moments.items():
        mine = chosen[at : at + len(samples)]
        at += len(samples)
        x.append(windows(streams[name], samples[mine], codes, hop))
        y.append(values[mine])
    return np.concatenate(x), np.concatenate(y) if y else np.zeros(0)


def _numbers(values: NDArray[Any], names: NDArray[Any]) -> Integers:
    """Index of each value in sorted names; -1 where it is not there."""
    values = values.astype(names.dtype)
    place = np.searchsorted(names, values).clip(0, max(len(names) - 1, 0))
    found: Integers = np.where(names[place] == values, place, -1)
    return found
