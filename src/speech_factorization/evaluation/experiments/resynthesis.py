"""Analysis-resynthesis: how much of an utterance survives a model's code.

The power spectrogram is encoded (posterior mean unless a generator is given), decoded to y, and turned
into sound by the inverse STFT of sqrt(y) with the original's phase (Bie et al., Interspeech 2021).
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
from speech_factorization.features.batches import UtteranceBatches
from speech_factorization.features.stft import istft, power_spectrogram, stft, unit_peak

__all__ = ["needs", "reconstruct", "run"]

Wave = NDArray[np.float32]

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
    """Means over files of every metric, `files`, and under `failed` how many files lack which metric.

    waves: (utterance, [samples] float, 16 kHz, trimmed); each is divided by its peak. jobs: processes the
    metrics are computed in. The figure and the sounds are of the utterance whose name comes first.
    """
    items = sorted(((name, _wave(name, wave)) for name, wave in waves), key=lambda item: item[0])
    if not items:
        raise InputError("no utterances to resynthesise", remedy="check the split and the corpus's size")
    names = [name for name, _ in items]
    originals = [wave for _, wave in items]
    estimates = reconstruct(model, originals, generator, batch=batch)
    scores = _score(names, originals, estimates, jobs)
    return Outcome(
        numbers=_means(names, scores),
        figures={"resynthesis": _figure(names[0], originals[0], estimates[0])},
        sounds={"original": originals[0], "resynthesis": _within_one(estimates[0])},
    )


@torch.no_grad()
def reconstruct(
    model: Any, waves: Sequence[Wave], generator: torch.Generator | None = None, *, batch: int = 16
) -> list[Wave]:
    """What the model makes of each wave [samples] (unit peak), equally long, in the same order.

    Utterances of similar length go through the model together, zero-padded: `encode` is told their
    lengths, and a decoder that looks ahead keeps them among its codes.
    """
    device = next(itertools.chain(model.parameters(), model.buffers()), torch.empty(0)).device
    training = model.training
    model.eval()
    sounds = {str(i): wave for i, wave in enumerate(waves)}
    estimates: dict[str, Wave] = {}
    for group in UtteranceBatches(sounds, list(sounds), batch)(0):
        group = group.to(device)
        y = model.decode(model.encode(group.x, lengths=group.lengths, generator=generator))
        for key, length, power in zip(group.utterances, group.lengths.tolist(), y, strict=True):
            wave = torch.from_numpy(sounds[key]).to(device)
            estimates[key] = _with_phase_of(wave, power[:length]).cpu().numpy()
    model.train(training)
    return [estimates[key] for key in sounds]


def _with_phase_of(wave: Tensor, power: Tensor) -> Tensor:
    """Inverse STFT [samples] of sqrt(power [T, 257]) with the phase of wave [samples]."""
    return istft(torch.polar(power.sqrt(), stft(wave).angle()), len(wave))


def _wave(name: str, wave: NDArray[Any]) -> Wave:
    try:
        return unit_peak(np.asarray(wave, np.float32)).astype(np.float32)
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


def _figure(name: str, original: Wave, estimate: Wave) -> Figure:
    """Both log power spectrograms, in dB over the same range of 60."""
    decibels = [
        10 * np.log10(power_spectrogram(torch.from_numpy(wave)).numpy().T + 1e-10)
        for wave in (original, estimate)
    ]
    top = float(decibels[0].max())
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    extent = (0, len(original) / 16_000, 0, 8)
    for axis, image, title in zip(axes, decibels, ("original", "resynthesis"), strict=True):
        shown = axis.imshow(image, origin="lower", aspect="auto", extent=extent, vmin=top - 60, vmax=top)
        axis.set(title=f"{name}, {title}", ylabel="frequency (kHz)")
    axes[-1].set_xlabel("time (s)")
    figure.colorbar(shown, ax=axes, label="power (dB)")
    return figure
