"""Units by k-means on vocal-tract-normalised cepstra: 50 a second, in seconds, no network."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from speech_factorization.resynthesis.units import clusters
from speech_factorization.resynthesis.units.hearing import listen, log_mel
from speech_factorization.resynthesis.units.settings import KMeansSettings
from speech_factorization.resynthesis.units.vocal_tract import CEPSTRA, VocalTract

__all__ = ["KMeansUnits"]

# Frames of 10 ms before and behind, and what they weigh.
CONTEXT, WEIGHT = 4, 0.5


class KMeansUnits(nn.Module):
    """Wave -> units (parts.UnitEncoder); `tract.fit` and then `cluster` find them in training speech."""

    centres: Tensor
    hop = 320

    def __init__(self, settings: KMeansSettings) -> None:
        super().__init__()
        self.settings, self.codes = settings, settings.codes
        self.tract = VocalTract()
        self.register_buffer("centres", torch.zeros(settings.codes, 3 * CEPSTRA))

    def describe(self) -> dict[str, Any]:
        return {"kind": "kmeans", "settings": self.settings.model_dump(mode="json")}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        return cls(KMeansSettings.model_validate(description["settings"]))

    @torch.no_grad()
    def cluster(self, bands: Iterable[Tensor], seed: int) -> None:
        """Find the units from log-mel bands [T, 40] of training recordings; `tract` must be fitted."""
        points = clusters.drawn((self.features(x) for x in bands), clusters.POINTS, seed)
        self.centres.copy_(clusters.centres(points, self.codes, seed))

    def features(self, bands: Tensor) -> Tensor:
        """[ceil(T / 2), 30] of log-mel bands [T, 40]: cepstra with half of those 40 ms before and behind."""
        c = self.tract.cepstra(bands, self.tract.choose(bands))
        around = pad(c.T[None], (CONTEXT, CONTEXT + len(c) % 2), mode="replicate")[0].T
        T = len(around) - 2 * CONTEXT
        x = torch.cat([WEIGHT * around[:T], around[CONTEXT:][:T], WEIGHT * around[2 * CONTEXT :]], 1)
        return (x[0::2] + x[1::2]) / 2

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Units [ceil(samples / 320)] of wave [samples]. Errors: a wave that cannot be heard (`listen`)."""
        bands = log_mel(listen(wave.to(self.centres.device)))
        return clusters.nearest(self.features(bands), self.centres)
