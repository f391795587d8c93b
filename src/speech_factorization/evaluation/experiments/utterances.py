"""Whole utterances manipulated: the judges hear the sound, and so may anyone.

Each of an utterance's windows is moved from its speaker to another one (`change`), and the judges look at the
spectrograms of what is then a sound. That is stricter than to look at what the decoder gives: the windows must
agree with each other and with a phase. With `identity` it is the shift of the log spectrogram itself.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.evaluation.experiments.convert import Sound, change
from speech_factorization.evaluation.experiments.manipulation import changes
from speech_factorization.evaluation.experiments.picture import Choice
from speech_factorization.evaluation.experiments.shift import (
    Plan,
    draw_targets,
    needs,
    other_factor,
    own_means,
)
from speech_factorization.evaluation.judges import Judge
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.sounds import audible
from speech_factorization.features.batches import factor_indices
from speech_factorization.features.segment_sound import level, log_magnitude, spectrum, utterance_frames
from speech_factorization.interfaces import Batch, Data

__all__ = ["needs", "run"]

SEED = 20
PHASES = ("original_phase", "griffin_lim")

Waves = Callable[[str], NDArray[np.float32]]


def run(
    model: Any,
    means: Mapping[str, Tensor],
    test: pd.DataFrame,
    wave: Waves,
    judges: Mapping[str, Judge],
    data: Data,
    seed: int,
    choice: Choice,
    limit: int = 0,
) -> Outcome:
    """manipulation_of_utterances -> speaker -> JUDGE -> original_phase | griffin_lim -> as `manipulation.run`.

    test: those rows of segments.csv that are tested. `limit` of their utterances, evenly spread (0: all), are
    given another speaker each, drawn by the seed; the judges hear them around the segments' centres. wave:
    utterance -> [samples], 16 kHz. The figure and the sounds utterance_* are of the utterance of the choice's
    last segment: changed are its speaker, its phones that are the choice's, and further factors.
    """
    own = own_means(model, means)
    numbers: dict[str, Any] = {}
    other = other_factor("speaker", data)
    if "speaker" in own and other is not None and len(data.factors["speaker"]) > 1:
        rows = _spread(test[test["speaker"].isin(data.factors["speaker"])], limit)
        targets = _targets(rows, own["speaker"], data, seed)
        heard = _heard(model, own["speaker"], rows, targets, wave, judges, data, seed)
        numbers = {"manipulation_of_utterances": {"speaker": _numbers(heard, rows, targets, other, data)}}
    figures, sounds = _example(model, own, choice, wave, data, seed)
    return Outcome(numbers, figures, sounds)


def _spread(rows: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The rows of so many utterances, utterance after utterance."""
    names = list(dict.fromkeys(rows["utterance"]))
    kept = min(limit or len(names), len(names))
    chosen = {names[i * len(names) // kept]: i for i in range(kept)}
    rows = rows[rows["utterance"].isin(list(chosen))]
    return rows.sort_values("utterance", key=lambda name: name.map(chosen), kind="stable", ignore_index=True)


def _targets(rows: pd.DataFrame, means: Tensor, data: Data, seed: int) -> dict[str, tuple[int, int]]:
    """Utterance -> its speaker's class and the one it is given."""
    firsts = rows.groupby("utterance", sort=False)["speaker"].first()
    source = np.array([data.factors["speaker"].index(name) for name in firsts])
    allowed = ~means.flatten(1).isnan().any(1).cpu().numpy()
    target = draw_targets(source, allowed, np.random.default_rng([seed, SEED]))
    return {str(name): (int(a), int(b)) for name, a, b in zip(firsts.index, source, target, strict=True)}


def _heard(
    model: Any,
    means: Tensor,
    rows: pd.DataFrame,
    targets: Mapping[str, tuple[int, int]],
    wave: Waves,
    judges: Mapping[str, Judge],
    data: Data,
    seed: int,
) -> dict[str, list[dict[str, Tensor]]]:
    """Judge -> of the originals and of each of `PHASES`: factor -> posterior [rows, classes]."""
    heard: dict[str, list[list[dict[str, Tensor]]]] = {name: [[], [], []] for name in judges}
    for name, (a, b) in targets.items():
        centres = torch.tensor(rows.loc[rows["utterance"] == name, "centre"].tolist(), device=means.device)
        for form, sound in enumerate(_forms(model, wave(name), means[b] - means[a], seed)):
            for judge, found in heard.items():
                found[form].append(judges[judge].posterior_of_sound(sound.to(means.device), centres))
    return {
        judge: [{n: torch.cat([part[n] for part in parts]).cpu() for n in data.factors} for parts in forms]
        for judge, forms in heard.items()
    }


def _forms(model: Any, wave: NDArray[np.float32], shift: Tensor, seed: int) -> Iterator[Tensor]:
    """The original, changed with its own phase, and by Griffin-Lim."""
    original = torch.from_numpy(np.array(wave))
    sound = Sound.of(original)
    x = change(model, sound.x, shift)
    yield original
    yield sound.wave(x)
    yield sound.wave(x, torch.Generator().manual_seed(seed))


def _numbers(
    heard: Mapping[str, list[dict[str, Tensor]]],
    rows: pd.DataFrame,
    targets: Mapping[str, tuple[int, int]],
    other: str,
    data: Data,
) -> dict[str, Any]:
    """Judge -> phase -> how the posteriors changed."""
    truth = factor_indices(rows, data.factors)
    target = torch.tensor([targets[name][1] for name in rows["utterance"]])
    plan = Plan("speaker", other, torch.arange(len(rows)), truth["speaker"], target)
    segments = Batch(torch.empty(len(rows), 0), torch.zeros(len(rows)), truth)
    return {
        judge: {
            phase: changes(before, after, segments, plan) for phase, after in zip(PHASES, forms, strict=True)
        }
        for judge, (before, *forms) in heard.items()
    }


def _example(
    model: Any, own: Mapping[str, Tensor], choice: Choice, wave: Waves, data: Data, seed: int
) -> tuple[dict[str, Figure], dict[str, NDArray[np.float32]]]:
    """The figure `utterance` and the sounds utterance_original, utterance_FACTOR and *_griffin_lim."""
    last = choice.rows.iloc[-1]
    original = torch.from_numpy(np.array(wave(str(last["utterance"]))))
    sound = Sound.of(original)
    phones = list(zip(choice.same["begin"].tolist(), choice.same["end"].tolist(), strict=True))
    sounds, titles = {"utterance_original": original}, [f"{last['utterance']}, original"]
    for factor in (name for name in data.factors if name in own and name in choice.targets):
        classes, to = data.factors[factor], choice.targets[factor]
        shift = own[factor][classes.index(to)] - own[factor][classes.index(last[factor])]
        x = change(model, sound.x, shift, phones if factor == "phone" else None)
        sounds[f"utterance_{factor}"] = sound.wave(x)
        sounds[f"utterance_{factor}_griffin_lim"] = sound.wave(x, torch.Generator().manual_seed(seed))
        titles.append(f"{factor} {last[factor]} to {to}")
    shown = [wave for name, wave in sounds.items() if not name.endswith("griffin_lim")]
    figure = _draw(shown, titles, phones)
    return {"utterance": figure}, audible(sounds, "utterance_original")


def _draw(sounds: list[Tensor], titles: list[str], phones: list[tuple[int, int]]) -> Figure:
    """Log spectrograms of the sounds, at the original's level; under each the phones that are changed."""
    scale, frames = level(sounds[0]), utterance_frames(len(sounds[0]))
    pictures = [log_magnitude(spectrum(sound * scale, frames)).numpy() for sound in sounds]
    low, high = np.percentile(pictures[0], (20, 99.9))
    figure = Figure(figsize=(7.5, 1.6 * len(sounds)), layout="constrained")
    axes = figure.subplots(len(sounds), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    extent = (0.0, len(sounds[0]) / SAMPLE_RATE, 0.0, SAMPLE_RATE / 2000)
    for ax, picture, title in zip(axes, pictures, titles, strict=True):
        image = ax.imshow(picture.T, origin="lower", aspect="auto", extent=extent, vmin=low, vmax=high)
        ax.set_title(title, fontsize=9)
        ax.set_ylabel("kHz")
        for begin, end in phones:
            ax.plot([begin / SAMPLE_RATE, end / SAMPLE_RATE], [0.15, 0.15], color="white", linewidth=3)
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(image, ax=axes, label="log magnitude (nepers)", shrink=0.6)
    return figure
