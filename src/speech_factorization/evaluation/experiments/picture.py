"""Manipulated segments to look at and to hear, as in the paper: one speaker's segments of one phone.

A column is a segment; its rows are the original and what becomes of it when each factor is changed. The last
column is to be heard as well, with the original's phase and by Griffin-Lim.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.shift import encode, move, needs, own_means
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.sounds import audible, repeated
from speech_factorization.features.segment_sound import (
    griffin_lim,
    level,
    log_magnitude,
    segment_frames,
    spectrum,
    wave_of,
)
from speech_factorization.features.segments import FRAMES, HOP, WINDOW
from speech_factorization.interfaces import Data

__all__ = ["COLUMNS", "Choice", "choose", "needs", "run"]

COLUMNS = 4
WHERE = "evaluate.picture"

# A segment's sound runs from 200 samples before its first frame's centre; 200 ms of it are the segment.
EDGE = ((FRAMES - 1) * HOP + WINDOW - FRAMES * HOP) // 2

# 200 ms by 8 kHz.
IMAGE: dict[str, Any] = {"origin": "lower", "aspect": "auto", "extent": (0, 200, 0, 8)}


@dataclass(frozen=True)
class Choice:
    """The segments shown, rows of segments.csv, and to which class each factor is changed (if it has two).

    same: all segments of that phone in the last one's utterance.
    """

    rows: pd.DataFrame
    same: pd.DataFrame
    targets: Mapping[str, str]


def choose(table: pd.DataFrame, data: Data, wanted: Mapping[str, str | None]) -> Choice:
    """Which segments are shown; wanted: speaker, to_speaker, phone, to_phone, each a name or None.

    table: segments.csv. Where nothing is wanted: the speaker is the first by name who has a test segment (of
    the phone wanted), the phone the commonest of the speaker's test segments; the target speaker is the first
    by name of the other sex, or else of all, the target phone the speaker's commonest but that. A further
    factor goes to its first other class by name. At most `COLUMNS` segments, those of test last; valid and
    train ones only where test has fewer.
    Errors: a speaker or phone that the training segments do not have, or twice the same; no such segment.
    """
    known = table
    for factor, classes in data.factors.items():
        known = known[known[factor].isin(classes)]
        for key in (factor, f"to_{factor}"):
            name = wanted.get(key)
            if name is not None and name not in classes:
                raise InputError(f"no {factor} {name!r}", f"{WHERE}.{key}", f"there are {', '.join(classes)}")
    for factor in ("speaker", "phone"):
        if wanted[factor] is not None and wanted[factor] == wanted[f"to_{factor}"]:
            raise InputError(f"{factor} and to_{factor} are the same", WHERE, "name two")
    order = {split: i for i, split in enumerate(("test", "valid", "train"))}
    known = known.assign(order=known["split"].map(order)).sort_values("order", kind="stable")
    phone, speaker = wanted["phone"], wanted["speaker"]
    rows = known[known["speaker"] != wanted["to_speaker"]] if speaker is None else known
    rows = rows if phone is None else rows[rows["phone"] == phone]
    if speaker is None and not rows.empty:
        speaker = str(rows.loc[rows["order"] == rows["order"].min(), "speaker"].min())
    said = _commonest(known[known["speaker"] == speaker])
    phone = phone or next((name for name in said if name != wanted["to_phone"]), None)
    rows = rows[(rows["speaker"] == speaker) & (rows["phone"] == phone)].head(COLUMNS)
    if rows.empty:
        raise InputError(f"{speaker} says no {phone}", WHERE, f"there are {', '.join(said)}")
    rows = rows.sort_values("order", ascending=False, kind="stable", ignore_index=True)
    targets = {
        "phone": wanted["to_phone"] or next((name for name in said if name != phone), None),
        "speaker": wanted["to_speaker"] or _another(known, str(speaker)),
    }
    for factor, classes in data.factors.items():
        if factor not in targets:
            present = set(rows[factor])
            targets[factor] = next((name for name in classes if name not in present), None)
    same = table[(table["utterance"] == rows.iloc[-1]["utterance"]) & (table["phone"] == phone)]
    kept = {name: to for name, to in targets.items() if to is not None and name in data.factors}
    return Choice(rows, same, kept)


def run(
    model: Any,
    means: Mapping[str, Tensor],
    choice: Choice,
    wave: Callable[[str], NDArray[np.float32]],
    data: Data,
    seed: int,
) -> Outcome:
    """The figure `manipulation` and the sounds segment_original, segment_FACTOR and *_griffin_lim.

    wave: utterance -> [samples], 16 kHz, the one its segments were cut from. Each sound is 200 ms, ten times.
    """
    own = own_means(model, means)
    changed = [name for name in data.factors if name in own and name in choice.targets]
    spectra = torch.stack([_spectrum(wave(row.utterance), int(row.centre)) for row in _each(choice.rows)])
    x = log_magnitude(spectra).to(next(iter(means.values())).device)
    z = encode(model, x)
    shown = {"original": x.cpu()}
    for factor in changed:
        number = {name: i for i, name in enumerate(data.factors[factor])}
        source = torch.tensor([number[name] for name in choice.rows[factor]], device=x.device)
        target = torch.full_like(source, number[choice.targets[factor]])
        shown[factor] = move(model, z, source, target, own[factor]).cpu()
    waves = {}
    for name, pictures in shown.items():
        generator = torch.Generator().manual_seed(seed)
        waves[f"segment_{name}"] = wave_of(pictures[-1], spectra[-1])
        waves[f"segment_{name}_griffin_lim"] = griffin_lim(pictures[-1], generator)
    heard = {name: repeated(sound[EDGE:-EDGE]) for name, sound in waves.items()}
    return Outcome({}, {"manipulation": _draw(choice, shown)}, audible(heard, "segment_original"))


def _each(rows: pd.DataFrame) -> Any:
    return rows.itertuples(index=False)


def _commonest(rows: pd.DataFrame) -> list[str]:
    """Phones by their number of segments in the first split that has any, ties by name; then the others."""
    counts = rows.groupby("phone").agg(order=("order", "min"), count=("order", "size")).reset_index()
    first = rows[rows["order"] == rows["order"].min()]["phone"].value_counts()
    counts["first"] = counts["phone"].map(first).fillna(0)
    ordered = counts.sort_values(["order", "first", "phone"], ascending=[True, False, True])
    return [str(phone) for phone in ordered["phone"]]


def _another(known: pd.DataFrame, speaker: str) -> str | None:
    """The first speaker by name of the other sex, or else the first but this one."""
    others = known[known["speaker"] != speaker]
    sex = known.loc[known["speaker"] == speaker, "sex"].iloc[0]
    opposite = others[others["sex"] != sex]
    chosen = others if opposite.empty else opposite
    return None if chosen.empty else str(chosen["speaker"].min())


def _spectrum(wave: NDArray[np.float32], centre: int) -> Tensor:
    """Complex spectrum [20, 201] of the segment around `centre`, at the level segments are cut at."""
    sound = torch.from_numpy(np.array(wave))
    return spectrum(sound * level(sound), segment_frames(centre))


def _draw(choice: Choice, shown: Mapping[str, Tensor]) -> Figure:
    """Log spectrograms: originals above, below them the same segments with each factor changed."""
    count = len(choice.rows)
    figure = Figure(figsize=(2.2 * count + 1, 2.0 * len(shown) + 0.4), layout="constrained")
    axes = figure.subplots(len(shown), count, squeeze=False, sharex=True, sharey=True)
    # The quietest bins are noise: they would take half of the colours.
    low, high = np.percentile(shown["original"].numpy(), (20, 99.9))
    for line, (name, pictures) in zip(axes, shown.items(), strict=True):
        for ax, picture, row in zip(line, pictures, _each(choice.rows), strict=True):
            image = ax.imshow(picture.numpy().T, vmin=low, vmax=high, **IMAGE)
            own = f"{row.speaker} /{row.phone}/ ({row.split})"
            change = "" if name == "original" else f"{getattr(row, name)} to {choice.targets[name]}"
            ax.set_title(change or own, fontsize=8)
        line[0].set_ylabel("original\nkHz" if name == "original" else f"{name} changed\nkHz")
    for ax in axes[-1]:
        ax.set_xlabel("time (ms)")
    figure.colorbar(image, ax=axes, label="log magnitude (nepers)", shrink=0.6)
    return figure
