"""Whose voice it is, as a vector of unit length: a verification network that hears any recording, or a table.

The network (`features.speaker_network`) is that of the judges with weights and training of its own; what it
learns no judge knows, and the other way round.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.errors import InputError
from speech_factorization.features.framing import gather_frames
from speech_factorization.features.speaker_network import (
    HOP,
    SEEN,
    SHORTEST,
    STRIDE,
    WINDOW,
    SpeakerNetwork,
)
from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
from speech_factorization.resynthesis.level import RMS, level_of

__all__ = ["SpeakerEncoder", "SpeakerTable"]

PIECE = 3000
"""Frames of log-mel at once, 30 s."""


class SpeakerEncoder(SpeakerNetwork):
    """The verification network as a part of speech resynthesis; speakers: those it was trained on."""

    def describe(self) -> dict[str, Any]:
        """What `from_description` builds it from."""
        return {
            "kind": "speaker_network",
            "speakers": list(self.speakers),
            "settings": self.settings.model_dump(),
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """The network that was described, untrained."""
        return cls(description["speakers"], SpeakerNetworkSettings.model_validate(description["settings"]))

    @torch.no_grad()
    def embed(self, wave: Tensor) -> Tensor:
        """Vector [256] of unit length of a recording, wave [samples] at 16 kHz of any length and level.

        As `forward` of the whole at rms 0.05, but piece by piece: an hour takes no more memory than a minute.
        Errors: a silent wave, a sample that is no finite number.
        """
        if self.training:
            raise RuntimeError("a recording is embedded in evaluation mode")
        gain = RMS / level_of(wave.detach().cpu().numpy())
        if len(wave) < SHORTEST:
            wave = wave.repeat(-(-SHORTEST // len(wave)))
        frames = 1 + len(wave) // HOP
        mels = (self._mel(wave, gain, a, min(a + PIECE, frames)) for a in range(0, frames, PIECE))
        sums = torch.stack([mel.sum(0, dtype=torch.float64) for mel in mels])
        channel = (sums.sum(0) / frames).float()
        outputs = (frames - SEEN) // STRIDE + 1
        total = squares = torch.zeros(self.settings.channels, dtype=torch.float64, device=wave.device)
        for a in range(0, outputs, PIECE // STRIDE):
            b = min(a + PIECE // STRIDE, outputs)
            mel = self._mel(wave, gain, STRIDE * a, STRIDE * (b - 1) + SEEN) - channel
            h = self.frames(self.standardise(mel).T[None])[0].double()
            total, squares = total + h.sum(-1), squares + h.square().sum(-1)
        mean = total / outputs
        variance = (squares / outputs - mean.square()).clamp(min=0)
        return self.pooled(mean.float()[None], variance.float()[None])[0]

    def _mel(self, wave: Tensor, gain: float, begin: int, end: int) -> Tensor:
        """Frames begin to end of `mel` of the whole wave, [end - begin, bands]."""
        start = torch.tensor([begin * HOP - WINDOW // 2])
        stretch = gather_frames(wave, start, WINDOW + (end - begin - 1) * HOP)
        return self.mel(stretch * gain, center=False)[0]


class SpeakerTable(nn.Module):
    """One learned vector of unit length for each speaker by name, as the published code has it."""

    vectors: Tensor

    def __init__(self, speakers: Sequence[str], dimensions: int) -> None:
        super().__init__()
        self.speakers = tuple(speakers)
        self.register_buffer("vectors", torch.zeros(len(self.speakers), dimensions))

    @classmethod
    def of(cls, network: SpeakerNetwork) -> Self:
        """The centres that a network learned for its speakers, at their own speed."""
        table = cls(network.speakers, network.settings.dimensions)
        table.vectors.copy_(functional.normalize(network.centres.detach()[: len(table.speakers)], dim=-1))
        return table

    def describe(self) -> dict[str, Any]:
        """What `from_description` builds it from."""
        return {
            "kind": "speaker_table",
            "speakers": list(self.speakers),
            "dimensions": self.vectors.shape[1],
        }

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """The table that was described, all zeros."""
        return cls(description["speakers"], description["dimensions"])

    def embed_name(self, speaker: str) -> Tensor:
        """Vector [256] of a speaker. Errors: InputError for a name it has not learned."""
        if speaker not in self.speakers:
            some = ", ".join(self.speakers[:5]) + (" ..." if len(self.speakers) > 5 else "")
            raise InputError(
                f"the table has no speaker {speaker!r}", remedy=f"it has {some}; or set speaker.type: network"
            )
        return self.vectors[self.speakers.index(speaker)]

    def embed(self, wave: Tensor) -> Tensor:
        """Always InputError: a table knows voices by name, not by sound."""
        raise InputError(
            "the speaker table knows no voice by its sound",
            remedy="set speaker.type: network and train again",
        )
