"""Vocal-tract-normalised cepstra: one warp of the frequency axis for each recording, found without labels.

A shorter vocal tract has its formants higher. All frequencies of a recording are scaled by one of 15 factors from
.80 to 1.22, the one by which its cepstra lie nearest to 64 centres; these are k-means of the training recordings,
each under its own factor, for several rounds (Lee and Rose, A frequency warping approach to speaker normalization,
IEEE Trans. Speech and Audio Processing 1998, with clusters in the place of phones).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speech_factorization.features.mel import mel, mel_edges
from speech_factorization.resynthesis.units import clusters
from speech_factorization.resynthesis.units.hearing import BANDS, LOWEST

__all__ = ["CEPSTRA", "VocalTract"]

CEPSTRA = 10
WARPS = 15
LEAST, MOST = 0.80, 1.22
CENTRES = 64
ROUNDS = 6
POINTS = 20_000
ITERATIONS = 15
# Of the frames, every third chooses the warp; of a long recording so many, evenly spread.
STEP, FRAMES = 3, 6000
# To what an utterance's standard deviation is added before cepstra are divided by it.
FLOOR = 0.2


class VocalTract(nn.Module):
    """Chooses a recording's warp and applies it; `fit` finds the centres."""

    centres: Tensor
    warps: Tensor
    cosines: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("centres", torch.zeros(CENTRES, CEPSTRA))
        factors = torch.linspace(math.log(LEAST), math.log(MOST), WARPS).exp()
        self.register_buffer("warps", torch.stack([_warp(float(a)) for a in factors]), persistent=False)
        angle = math.pi / BANDS * (torch.arange(BANDS)[:, None] + 0.5) * torch.arange(CEPSTRA)
        self.register_buffer("cosines", angle.cos() * math.sqrt(2 / BANDS), persistent=False)

    def cepstra(self, bands: Tensor, warp: int) -> Tensor:
        """[T, 10] of log-mel bands [T, 40] under a warp: no mean, each divided by its standard deviation + .2."""
        c = bands @ (self.warps[warp] @ self.cosines)
        c = c - c.mean(0)
        return c / (c.std(0, correction=0) + FLOOR)

    def warped(self, bands: Tensor, warp: int) -> Tensor:
        """Log-mel bands [T, 40] under a warp, without their mean over time."""
        found = bands @ self.warps[warp]
        return found - found.mean(0)

    def fit(self, recordings: Sequence[Tensor], seed: int) -> None:
        """Find the centres from log-mel bands [T, 40] of recordings."""
        tried = [torch.stack([_spread(self.cepstra(x, a)) for a in range(WARPS)]) for x in recordings]
        # As it is: the factor nearest to one.
        chosen = [int((torch.linspace(math.log(LEAST), math.log(MOST), WARPS).abs()).argmin())] * len(tried)
        for k in range(ROUNDS):
            points = torch.cat([x[a] for x, a in zip(tried, chosen, strict=True)])
            self.centres.copy_(clusters.centres(points, CENTRES, seed + k, POINTS, ITERATIONS))
            chosen = [self._best(x) for x in tried]

    def choose(self, bands: Tensor) -> int:
        """The warp of a recording with log-mel bands [T, 40]: that of the least distortion."""
        return self._best(torch.stack([_spread(self.cepstra(bands, a)) for a in range(WARPS)]))

    def _best(self, tried: Tensor) -> int:
        """Of cepstra [warps, T, 10], one set for each warp."""
        found = [clusters.distortion(x, self.centres) for x in tried]
        return min(range(len(found)), key=found.__getitem__)


def _spread(x: Tensor) -> Tensor:
    step = max(STEP, math.ceil(len(x) / FRAMES))
    return x[::step]


def _warp(factor: float) -> Tensor:
    """[40, 40]: times it, log-mel bands are read at `factor` times their frequencies, between two of them."""
    centres = mel_edges(BANDS, lowest=LOWEST)[1:-1]
    on_mel = mel(centres)
    place = ((mel(factor * centres) - on_mel[0]) / (on_mel[1] - on_mel[0])).clamp(0, BANDS - 1)
    below = place.floor().long()
    above = (below + 1).clamp(max=BANDS - 1)
    share, band = place - below, torch.arange(BANDS)
    matrix = torch.zeros(BANDS, BANDS)
    matrix.index_put_((below, band), 1 - share, accumulate=True)
    matrix.index_put_((above, band), share, accumulate=True)
    return matrix
