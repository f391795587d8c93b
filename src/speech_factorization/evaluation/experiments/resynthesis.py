"""Analysis-resynthesis: how much of an utterance survives a model's code.

The power spectrogram is encoded (posterior mean unless a generator is given), decoded to y, and turned
into sound by the inverse STFT of sqrt(y) with the original's phase (Bie et al., Interspeech 2021). A decoder
that reads the past of x is given the true one, as published; without it its own output is fed back.
Needs of a model: `utterances` among its inputs, `encode` and `decode`; of the data: trimmed waves.
"""

import itertools
import logging
import multiprocessing
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.resynthesis import METRICS, evaluate
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.pictures import decibels, spectrogram
from speech_factorization.features.batches import UtteranceBatches
from speech_factorization.features.stft import FFT, istft, power_spectrogram, stft, unit_peak

__all__ = ["needs", "reconstruct", "run"]

Wave = NDArray[np.float32]

# Name -> whether the model's own output is fed back.
FORMS = {"resynthesis": False, "resynthesis_free_running": True}

log = logging.getLogger(__name__)


def needs(model: Any) -> str | None:
    """None if the model can be resynthesised with, else the reason it cannot."""
    if "utterances" not in model.inputs:
        return "takes no utterances"
    lacking = [name for name in ("encode", "decode") if not hasattr(model, name)]
    return f"has no {' and no '.join(lacking)}" if lacking else None


def run(
    model: Any,
    waves: Iterable[tuple[str, Wave]],
    generator: torch.Generator | None = None,
    *,
    batch: int = 16,
    jobs: int = 1,
) -> Outcome:
    """resynthesis -> means over files of every metric, `files`, and `failed`: how many files lack which metric.

    A model with codes of the true past (`of_true_past`) has the same under resynthesis_free_running.
    waves: (utterance, [samples] float, 16 kHz, trimmed); each is divided by its peak. jobs: processes the
    metrics are computed in. The figure and the sounds are of the utterance whose name comes first.
    Errors: InputError that names the first utterance that is not finite, silent or too short for the STFT.
    """
    items = sorted(((name, _wave(name, wave)) for name, wave in waves), key=lambda item: item[0])
    if not items:
        raise InputError("no utterances to resynthesise", remedy="check the split and the corpus's size")
    names = [name for name, _ in items]
    originals = [wave for _, wave in items]
    past = getattr(model, "of_true_past", ())
    forms = [name for name, free in FORMS.items() if past or not free]
    estimates = _decoded(model, originals, generator, batch, [FORMS[form] for form in forms])
    shown = {"original": originals[0]}
    numbers = {}
    for form, found in zip(forms, estimates, strict=True):
        numbers[form] = _means(names, _score(names, originals, found, jobs))
        shown[form] = found[0]
    sounds = {form: _within_one(wave) for form, wave in shown.items()}
    return Outcome(numbers, {"resynthesis": _figure(names[0], shown)}, sounds)


def reconstruct(
    model: Any,
    waves: Sequence[Wave],
    generator: torch.Generator | None = None,
    *,
    batch: int = 16,
    free_running: bool = False,
) -> list[Wave]:
    """What the model makes of each wave [samples] (unit peak), equally long, in the same order.

    Utterances of similar length go through the model together, zero-padded: `encode` is told their
    lengths, and a decoder that looks ahead keeps them among its codes. free_running: an autoregressive
    decoder is not given the true past (`model.of_true_past`), so that its own output is fed back.
    Errors: as of `run`, by the wave's place.
    """
    waves = [_wave(f"wave {i}", wave) for i, wave in enumerate(waves)]
    (estimates,) = _decoded(model, waves, generator, batch, [free_running])
    return estimates


@torch.no_grad()
def _decoded(
    model: Any, waves: Sequence[Wave], generator: torch.Generator | None, batch: int, forms: Sequence[bool]
) -> list[list[Wave]]:
    """The waves, as `_wave` gives them, once per form, free running or not, all from the same codes."""
    device = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0)).device
    training = model.training
    model.eval()
    sounds = {str(i): wave for i, wave in enumerate(waves)}
    estimates: list[dict[str, Wave]] = [{} for _ in forms]
    for group in UtteranceBatches(sounds, list(sounds), batch)(0):
        group = group.to(device)
        codes = model.encode(group.x, lengths=group.lengths, generator=generator)
        for found, free_running in zip(estimates, forms, strict=True):
            hidden = model.of_true_past if free_running else ()
            y = model.decode({name: code for name, code in codes.items() if name not in hidden})
            for key, length, power in zip(group.utterances, group.lengths.tolist(), y, strict=True):
                wave = torch.from_numpy(sounds[key]).to(device)
                found[key] = _with_phase_of(wave, power[:length]).cpu().numpy()
    model.train(training)
    return [[found[key] for key in sounds] for found in estimates]


def _with_phase_of(wave: Tensor, power: Tensor) -> Tensor:
    """Inverse STFT [samples] of sqrt(power [T, 257]) with the phase of wave [samples]."""
    return istft(torch.polar(power.sqrt(), stft(wave).angle()), len(wave))


def _wave(name: str, wave: NDArray[Any]) -> Wave:
    """The wave divided by its peak: one that has a spectrogram, whose frames are all power."""
    wave = np.asarray(wave, np.float32)
    if not np.isfinite(wave).all():
        raise InputError("the wave holds NaN or infinity", name, "remove this utterance")
    if len(wave) <= FFT // 2:
        what = f"the wave of {len(wave)} samples is too short for the STFT"
        raise InputError(what, name, f"remove this utterance, or give at least {FFT // 2 + 1} samples")
    try:
        return unit_peak(wave).astype(np.float32)
    except InputError as error:
        raise InputError(str(error), name) from None


def _score(
    names: Sequence[str], originals: Sequence[Wave], estimates: Sequence[Wave], jobs: int
) -> list[dict[str, float]]:
    """Metrics of each pair, in order."""
    if jobs <= 1 or len(names) == 1:
        return list(map(_evaluate, names, originals, estimates))
    # A forked worker starts at once and runs NumPy and PESQ alone, never torch, whose threads do not
    # survive a fork; elsewhere than on Linux forking is not safe for NumPy either.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(min(jobs, len(names)), context) as pool:
        return list(pool.map(_evaluate, names, originals, estimates))


def _evaluate(name: str, original: Wave, estimate: Wave) -> dict[str, float]:
    try:
        return evaluate(original, estimate)
    except InputError as error:
        raise InputError(str(error), name) from None


def _means(names: Sequence[str], scores: Sequence[dict[str, float]]) -> dict[str, Any]:
    numbers: dict[str, Any] = {"files": len(names)}
    failed = {}
    for metric in METRICS:
        lacking = [name for name, score in zip(names, scores, strict=True) if metric not in score]
        if lacking:
            failed[metric] = len(lacking)
            log.warning(
                "%s has no value for %d files (silent or too short), the first %s",
                metric,
                len(lacking),
                lacking[0],
            )
        values = [score[metric] for score in scores if metric in score]
        if values:
            numbers[metric] = float(np.mean(values))
    return numbers | ({"failed": failed} if failed else {})


def _within_one(wave: Wave) -> Wave:
    """The wave, scaled down where it would clip."""
    return wave / max(1.0, float(np.abs(wave).max()))


def _figure(name: str, waves: dict[str, Wave]) -> Figure:
    """Log power spectrograms, the original's first, in dB over its range of 60."""
    powers = [power_spectrogram(torch.from_numpy(wave)).numpy() for wave in waves.values()]
    top = float(decibels(powers[0]).max())
    titles = ["original", "resynthesis"]
    if len(waves) > 2:
        titles = ["original", "resynthesis given the true x(t-1)", "resynthesis, own output fed back"]
    figure = Figure(figsize=(8, 2.5 * len(waves)), layout="constrained")
    axes = figure.subplots(len(waves), 1, sharex=True, sharey=True)
    for axis, power, title in zip(axes, powers, titles, strict=True):
        shown = spectrogram(axis, power, f"{name}, {title}", top)
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(shown, ax=axes, label="power (dB)")
    return figure
