"""Units of a VQ-VAE: what an encoder says of some 10 ms must be one of a few codes, and is decoded from it.

Polyak et al. (Interspeech 2021) encode the wave by convolutions of strides 2, 2, 2, 2, 2, 5 (Jukebox's), 256 codes
of 128 dimensions, and decode with HiFi-GAN and its discriminators. Here the decoder gives log-mel bands around the
unit's middle, by their mean squared error: it is thrown away after training, and no second GAN has to be trained.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, pad

from speech_factorization.features.standardise import Standardise
from speech_factorization.interfaces import Batch, Schedule
from speech_factorization.resynthesis.convolutions import Downsample
from speech_factorization.resynthesis.quantiser import Quantiser
from speech_factorization.resynthesis.units.front import Front
from speech_factorization.resynthesis.units.hearing import BANDS, HOP, in_parts, log_mel
from speech_factorization.resynthesis.units.settings import VQVAESettings

__all__ = ["VQVAEUnits"]

PUBLISHED = (2, 2, 2, 2, 2, 5)
# Units at a time in encoding, some 10 s.
PART = 512


class VQVAEUnits(nn.Module):
    """Wave -> units (parts.UnitEncoder); a player of the training loop, on crops of what `front` gives.

    seed: of the initial weights.
    """

    def __init__(self, settings: VQVAESettings, seed: int = 0) -> None:
        super().__init__()
        self.settings = s = settings
        self.codes, self.hop = s.codes, s.hop
        self.front = Front(s.input)
        # Frames of 10 ms that are decoded: a unit's own, and `reach` around them.
        self.frames, self.reach = s.hop // HOP, s.reach // 10
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            strides = [*PUBLISHED, s.hop // HOP] if s.input == "wave" else [s.hop // HOP]
            self.encoder = Downsample(self.front.channels, s.channels, s.width, strides, s.depth)
            self.quantiser = Quantiser(s.codes, s.width, s.decay, s.restart)
            self.decoder = nn.Sequential(
                nn.Conv1d(s.width, s.channels, 1),
                nn.ReLU(),
                nn.Conv1d(s.channels, s.channels, 1),
                nn.ReLU(),
                nn.Conv1d(s.channels, BANDS * (self.frames + 2 * self.reach), 1),
            )
        self.standardise = Standardise((BANDS,))

    def describe(self) -> dict[str, Any]:
        return {"kind": "vqvae", "settings": self.settings.model_dump(mode="json")}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        return cls(VQVAESettings.model_validate(description["settings"]))

    def z_e(self, x: Tensor) -> Tensor:
        """What is quantised, [B, T, width], of what the front gives [B, T hop / front.hop, channels]."""
        found: Tensor = self.encoder(self.front.standardise(x).transpose(1, 2)).transpose(1, 2)
        return found

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Units [ceil(samples / hop)] of wave [samples]. Errors: a wave that cannot be heard (`listen`)."""
        x = self.front(wave.to(self.quantiser.codebook.device))
        ratio = self.hop // self.front.hop
        return in_parts(
            lambda part: self.quantiser.encode(self.z_e(part[None]))[0], x, ratio, PART, self.encoder.context
        )

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"units": [*self.encoder.parameters(), *self.decoder.parameters()]}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Fit both standardisations; the codebook starts at the first step."""
        kept = list(batches)
        self.front.standardise.fit(kept)
        self.standardise.fit(Batch(x, torch.full((len(x),), x.shape[1])) for x in map(self.bands, kept))

    def bands(self, batch: Batch) -> Tensor:
        """What is decoded, [B, frames, 40]: the front's bands, or those of its crops of waves."""
        if self.front.kind != "wave":
            return batch.x
        return torch.stack([log_mel(wave) for wave in batch.x[..., 0]])

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Mean squared error of standardised bands around each unit, and the commitment of z_e to its code.

        Also the codes' perplexity in the batch.
        """
        z_q, codes, commitment = self.quantiser(self.z_e(batch.x))
        heard = self.decoder(z_q.transpose(1, 2)).transpose(1, 2)
        reconstruction = mse_loss(heard, self.around(self.standardise(self.bands(batch))))
        share = torch.bincount(codes.flatten(), minlength=self.codes) / codes.numel()
        perplexity = torch.special.entr(share).sum().exp()
        loss = reconstruction + self.settings.commitment * commitment
        return {
            "loss": loss,
            "reconstruction": reconstruction,
            "commitment": commitment,
            "perplexity": perplexity,
        }

    def around(self, bands: Tensor) -> Tensor:
        """[B, T, 40 n]: of bands [B, frames, 40], those around each unit, the ends repeated."""
        padded = pad(bands.transpose(1, 2), (self.reach, self.reach), mode="replicate")
        windows = padded.unfold(2, self.frames + 2 * self.reach, self.frames)
        return windows.permute(0, 2, 1, 3).flatten(2)

    def after_step(self) -> None:
        """The codebook has moved already, in the forward pass."""
