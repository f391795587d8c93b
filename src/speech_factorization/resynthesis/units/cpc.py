"""Units of contrastive predictive coding: k-means on what a network knows that tells what comes next.

van den Oord, Li and Vinyals, Representation learning with contrastive predictive coding, 2018; the negatives from
the same recording, so that nothing is gained by saying who speaks (Riviere et al., ICASSP 2020):

    z_t = encoder(x),  c_t = GRU(z_{1:t}),
    loss = - mean_{t, k} log  exp(<W_k c_t, z_{t+k}>) / sum_s exp(<W_k c_t, z_s>),   k = 1..K, s over the crop
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from speech_factorization.interfaces import Batch, Schedule
from speech_factorization.resynthesis.convolutions import Downsample
from speech_factorization.resynthesis.units import clusters
from speech_factorization.resynthesis.units.front import Front
from speech_factorization.resynthesis.units.hearing import HOP, in_parts
from speech_factorization.resynthesis.units.settings import CPCSettings

__all__ = ["CPCUnits"]

PUBLISHED = (5, 4, 2, 2, 2)
# Units at a time in encoding, some 10 s.
PART = 1024


class CPCUnits(nn.Module):
    """Wave -> units (parts.UnitEncoder); a player of the training loop, on crops of what `front` gives.

    After training, `cluster` finds the units. seed: of the initial weights.
    """

    centres: Tensor
    hop = HOP

    def __init__(self, settings: CPCSettings, seed: int = 0) -> None:
        super().__init__()
        self.settings = s = settings
        self.codes = s.codes
        self.front = Front(s.input)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            strides = PUBLISHED if s.input == "wave" else (1,)
            self.encoder = Downsample(self.front.channels, s.channels, s.channels, strides, 0)
            self.norm = nn.LayerNorm(s.channels)
            self.recurrent = nn.GRU(s.channels, s.context, batch_first=True)
            self.predictors = nn.Linear(s.context, s.steps * s.channels, bias=False)
        self.register_buffer("centres", torch.zeros(s.codes, s.context))

    def describe(self) -> dict[str, Any]:
        return {"kind": "cpc", "settings": self.settings.model_dump(mode="json")}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        return cls(CPCSettings.model_validate(description["settings"]))

    def z(self, x: Tensor) -> Tensor:
        """z_t [B, T, channels] of what the front gives [B, T 160 / front.hop, front.channels]."""
        found: Tensor = self.norm(self.encoder(self.front.standardise(x).transpose(1, 2)).transpose(1, 2))
        return found

    @torch.no_grad()
    def context(self, heard: Tensor) -> Tensor:
        """c_t [T, context] of a whole recording as the front gives it [entries, front.channels]."""
        ratio = HOP // self.front.hop
        z = in_parts(lambda part: self.z(part[None])[0], heard, ratio, PART, self.encoder.context)
        found, state = [], None
        for part in torch.split(z, PART):
            c, state = self.recurrent(part[None], state)
            found.append(c[0])
        return torch.cat(found)

    @torch.no_grad()
    def cluster(self, heard: Iterable[Tensor], seed: int) -> None:
        """Find the units from training recordings as the front gives them."""
        points = clusters.drawn((self.context(x) for x in heard), clusters.POINTS, seed)
        self.centres.copy_(clusters.centres(points, self.codes, seed))

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Units [ceil(samples / 160)] of wave [samples]. Errors: a wave that cannot be heard (`listen`)."""
        return clusters.nearest(self.context(self.front(wave.to(self.centres.device))), self.centres)

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        modules = (self.encoder, self.norm, self.recurrent, self.predictors)
        return {"units": [p for module in modules for p in module.parameters()]}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Fit the standardisation."""
        self.front.standardise.fit(batches)

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """InfoNCE over all steps; accuracy: how often the right frame of the crop is the likeliest."""
        z = self.z(batch.x)
        c, _ = self.recurrent(z)
        B, T, C = z.shape
        predicted = self.predictors(c).view(B, T, -1, C)
        total, right = z.new_zeros(()), z.new_zeros(())
        K = predicted.shape[2]
        for k in range(1, K + 1):
            scores = predicted[:, : T - k, k - 1] @ z.transpose(1, 2) / C**0.5
            truth = torch.arange(k, T, device=z.device).expand(B, -1)
            total = total + cross_entropy(scores.flatten(0, 1), truth.flatten())
            right = right + (scores.argmax(-1) == truth).float().mean()
        return {"loss": total / K, "accuracy": right.detach() / K}

    def after_step(self) -> None:
        """Nothing follows a step."""
