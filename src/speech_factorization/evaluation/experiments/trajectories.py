"""How the codes z_t of an utterance move: which dimensions are used, and how smooth they are in time.

active_dimensions          those whose posterior mean varies over test frames by more than .01 (Burda, Grosse
                           and Salakhutdinov, Importance weighted autoencoders, 2016). The threshold is for a
                           prior N(0, I); one that is learned may put z on any scale.
informative_dimensions     those with a KL to the prior of more than .01 nats per frame, on any scale.
smoothness                 correlation of the posterior mean with itself one frame (16 ms) later, mean over the
                           active dimensions: 1 does not move, 0 is noise.
smoothness_of_spectrogram  the same of the log power spectrogram, mean over bins: what speech itself brings.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.analysis import ACTIVE, Analysis, Floats, analyse, needs
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.pictures import decibels, seconds, spectrogram
from speech_factorization.interfaces import Batch

__all__ = ["needs", "run"]

INFORMATIVE = 0.01  # nats per frame


def run(model: Any, test: Iterable[Batch]) -> Outcome:
    """codes -> the figures above (`smoothness` only where a dimension is active), `dimensions`, `utterances`.

    test: whole utterances. The figure is of the utterance whose name comes first.
    """
    z, kl = [], []
    codes, spectra = _LagOne(), _LagOne()
    drawn: Analysis | None = None
    for found in analyse(model, test):
        z.append(found.z)
        kl.append(found.kl)
        codes.add(found.z)
        spectra.add(decibels(found.power))
        drawn = found if drawn is None else min(drawn, found, key=lambda one: one.utterance)
    if drawn is None:
        raise InputError("no utterances to analyse", remedy="check the split and the corpus's size")
    active = np.concatenate(z).var(0) > ACTIVE
    nats = np.concatenate(kl).mean(0)
    numbers = {
        "utterances": len(z),
        "dimensions": len(active),
        "active_dimensions": int(active.sum()),
        "informative_dimensions": int((nats > INFORMATIVE).sum()),
        "smoothness_of_spectrogram": float(spectra.correlation().mean()),
    }
    if active.any():
        numbers["smoothness"] = float(codes.correlation()[active].mean())
    return Outcome({"codes": numbers}, {"trajectories": _figure(drawn, nats, active)})


class _LagOne:
    """Correlation of every dimension with itself one frame later, over all utterances together.

    What is constant within an utterance and differs between them is smooth: means are those of all frames.
    """

    def __init__(self) -> None:
        self.moments: Floats = np.zeros(())

    def add(self, x: Floats) -> None:
        """One utterance, [T, D]."""
        a, b = x[:-1], x[1:]
        found = np.stack([np.ones_like(a), a, b, a * a, b * b, a * b]).sum(1)
        self.moments = self.moments + found

    def correlation(self) -> Floats:
        """[D]; 1 for a dimension that never changes."""
        n, a, b, aa, bb, ab = self.moments
        together = ab / n - a / n * (b / n)
        apart = np.sqrt(np.clip(aa / n - (a / n) ** 2, 0, None) * np.clip(bb / n - (b / n) ** 2, 0, None))
        found: Floats = np.where(apart > 0, together / np.where(apart > 0, apart, 1), 1)
        return found


def _figure(one: Analysis, nats: Floats, active: NDArray[np.bool_]) -> Figure:
    """Log power spectrogram above z, whose dimensions stand in order of their mean KL, shown beside them."""
    order = np.argsort(-nats, kind="stable")
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(6, 1))
    above = figure.add_subplot(grid[0, 0])
    below = figure.add_subplot(grid[1, 0], sharex=above)
    beside = figure.add_subplot(grid[1, 1], sharey=below)
    sound = spectrogram(above, one.power, one.utterance, float(decibels(one.power).max()))
    above.tick_params(labelbottom=False)
    figure.colorbar(sound, ax=above, label="power (dB)", aspect=12)

    limit = float(np.quantile(np.abs(one.z), 0.995)) or 1.0
    image = below.imshow(
        one.z[:, order].T,
        cmap="RdBu_r",
        aspect="auto",
        interpolation="nearest",
        extent=(0, seconds(len(one.z)), len(order) - 0.5, -0.5),
        vmin=-limit,
        vmax=limit,
    )
    below.set(
        title="posterior mean of z, most informative dimension first", xlabel="time (s)", ylabel="dimension"
    )
    below.set_yticks(range(len(order)), [str(i) for i in order], fontsize=7)
    figure.colorbar(image, ax=below, label="z", aspect=12)

    colours = ["tab:blue" if active[i] else "lightgrey" for i in order]
    beside.barh(range(len(order)), nats[order], color=colours)
    beside.set_xlabel("nats per frame")
    beside.set_title("KL (blue: active)", fontsize="small")
    beside.tick_params(labelleft=False)
    return figure
