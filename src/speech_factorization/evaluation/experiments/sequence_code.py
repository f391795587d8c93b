"""What the code of a whole sequence holds (DSAE's v): does it say who speaks, or did it collapse?

Test speakers are unseen in training, so they are told apart by the test utterances alone: in two halves, each
read with the class means of the other (`metrics.discriminant`). A text is wholly in one half, whoever speaks
it: texts that only one speaker says, or says twice, cannot pass for the speaker. Texts are dealt out in the
order of utterances' names, each to the half in which its speaker has fewer; speakers with utterances in one
half only are left out.

A posterior mean can tell speakers apart at any scale, even where v has collapsed to its prior. What a decoder
gets is a sample of v: speaker_accuracy_sampled falls to chance with the KL.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from speech_factorization.dynamical.gaussian import Gaussian, standard
from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import analysis
from speech_factorization.evaluation.experiments.analysis import ACTIVE, Floats
from speech_factorization.evaluation.metrics import discriminant
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.pictures import decibels
from speech_factorization.interfaces import Batch

__all__ = ["halves", "needs", "run"]

DRAWS = 10  # samples of every v
SHOWN = 10  # speakers in the figure
MARKERS = {"F": "o", "M": "^"}


def needs(model: Any) -> str | None:
    """None if the model has a code of the whole sequence, else the reason it cannot be examined."""
    return analysis.needs(model) or (None if hasattr(model, "v_dim") else "has no code of the whole sequence")


def run(model: Any, test: Iterable[Batch], table: pd.DataFrame, seed: int) -> Outcome:
    """sequence_code -> kl (nats per utterance), dimensions, active_dimensions, utterances, and of speakers:

    speaker_accuracy (posterior mean), speaker_accuracy_sampled (mean over samples), the same from the means
    over time of z and of the log power spectrogram (_from_mean_z, _from_mean_spectrum), speakers (how many),
    chance (1 / speakers). Accuracies are balanced: a speaker counts as much as any other, however many
    utterances there are, and a code that says nothing scores chance. These are missing where fewer than two
    speakers have both halves.
    test: whole utterances; table: utterance, speaker, sex, text; seed: of the samples.
    """
    found = sorted(analysis.analyse(model, test), key=lambda one: one.utterance)
    if not found:
        raise InputError("no utterances to analyse", remedy="check the split and the corpus's size")
    v = [one.v for one in found if one.v is not None]
    q = Gaussian(*(torch.from_numpy(np.stack(part)) for part in zip(*v, strict=True)))
    mean: Floats = q.mean.numpy()
    rng = np.random.default_rng(seed)
    features = {
        "": [mean],
        "_sampled": [q.sample(torch.from_numpy(rng.normal(size=mean.shape))).numpy() for _ in range(DRAWS)],
        "_from_mean_z": [np.stack([one.z.mean(0) for one in found])],
        "_from_mean_spectrum": [np.stack([decibels(one.power).mean(0) for one in found])],
    }
    numbers = {
        "utterances": len(found),
        "kl": float(q.kl(standard(q.mean)).mean()),
        "dimensions": mean.shape[1],
        "active_dimensions": int((mean.var(0) > ACTIVE).sum()),
    }
    rows = table.set_index("utterance").loc[[one.utterance for one in found]].reset_index()
    shown = {"posterior mean of v": mean, "mean of z over time": features["_from_mean_z"][0]}
    return Outcome(
        {"sequence_code": numbers | _speakers(rows, features)}, {"sequence_code": _figure(shown, rows)}
    )


def _speakers(rows: pd.DataFrame, features: Mapping[str, Sequence[Floats]]) -> dict[str, float]:
    """What `run` says of speakers; features: suffix -> [rows, D] once or more often, accuracies are averaged."""
    half = halves(rows)
    kept = half.groupby(rows["speaker"]).transform("nunique").to_numpy() == 2
    names, speaker = np.unique(rows["speaker"][kept], return_inverse=True)
    if len(names) < 2:
        return {}
    folds = half[kept].to_numpy()
    numbers = {"speakers": len(names), "chance": 1 / len(names)}
    for suffix, versions in features.items():
        found = [discriminant.balanced_accuracy(values[kept], speaker, folds) for values in versions]
        numbers[f"speaker_accuracy{suffix}"] = float(np.mean(found))
    return numbers


def halves(rows: pd.DataFrame) -> pd.Series:
    """Half (0 or 1) of every utterance, [rows]; columns utterance, speaker, text. Empty texts are each their own.

    See the module's docstring.
    """
    text = rows["text"].where(rows["text"] != "", rows["utterance"])
    of_text: dict[str, int] = {}
    held: dict[str, list[int]] = {}
    for i in np.argsort(rows["utterance"].to_numpy(str), kind="stable"):
        count = held.setdefault(rows["speaker"].iloc[i], [0, 0])
        fewer = int(count[1] < count[0])
        count[of_text.setdefault(text.iloc[i], fewer)] += 1
    return text.map(of_text)


def _figure(codes: dict[str, Floats], rows: pd.DataFrame) -> Figure:
    """First two principal components of each code; a colour per speaker (at most ten), a marker per sex."""
    speakers = sorted(rows["speaker"].unique())
    kept = min(SHOWN, len(speakers))
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    for axes, (title, values) in zip(figure.subplots(1, len(codes)), codes.items(), strict=True):
        points, shares = _principal(values)
        for number in range(kept):
            speaker = speakers[number * len(speakers) // kept]
            own = (rows["speaker"] == speaker).to_numpy()
            marker = MARKERS.get(rows["sex"][own].iloc[0], "s")
            axes.scatter(*points[own].T, color=f"C{number}", marker=marker, label=speaker)
        labels = [f"component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)]
        axes.set(title=title, xlabel=labels[0], ylabel=labels[1])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", title="test speaker")
    return figure


def _principal(x: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """Projections [N, 2] of x [N, D] on its first two principal axes, and their shares of the variance."""
    # Zeros behind, so that there are two axes for one utterance or one dimension as well.
    centred = np.pad(x - x.mean(0), ((0, 2), (0, 2)))
    _, scale, axes = np.linalg.svd(centred, full_matrices=False)
    return (centred @ axes[:2].T)[: len(x)], scale[:2] ** 2 / max(float((scale**2).sum()), 1e-300)
