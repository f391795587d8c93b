"""F0 VQ-VAE: the contour of F0 as 12.5 codes a second.

Polyak et al., Speech resynthesis from discrete disentangled self-supervised representations, Interspeech 2021:
the encoder and decoder of Jukebox (Dhariwal et al., 2020), four stride-2 convolutions with residual blocks of
dilated ones between them. Other than there, F0 is interpolated over unvoiced stretches, its logarithm normalised
by the speaker's mean and standard deviation, and voicing is a channel of its own on both sides.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Schedule
from speech_factorization.resynthesis.convolutions import GROWTH, Downsample, Residual
from speech_factorization.resynthesis.pitch.settings import CoderSettings, Tracker
from speech_factorization.resynthesis.pitch.statistics import Statistics
from speech_factorization.resynthesis.pitch.track import HOP, TRACKERS
from speech_factorization.resynthesis.quantiser import Quantiser

__all__ = ["FRAMES", "PitchCoder", "contour"]

DOWNS = 4
FRAMES = 2**DOWNS
"""Values of F0 to a code."""

PIECE = 1024
"""Codes at once, 82 s."""

# Hz. A voice may be made higher or lower than the trackers look for.
HEARD = (30.0, 2000.0)

# No voice is so many standard deviations from its mean: a normalised contour is cut there.
REACH = 5.0


def contour(f0: Tensor, statistics: Statistics) -> Tensor:
    """What the coder sees of F0 [T] in Hz, 0 where unvoiced: [T, 2], normalised log F0 and voicing (0 or 1).

    Over unvoiced stretches log F0 is a straight line, before the first and behind the last voiced frame constant;
    without a voiced frame it is the speaker's mean, 0. Errors: not [T], a value that is negative or no number.
    """
    if f0.dim() != 1 or not bool(((f0 >= 0) & f0.isfinite()).all()):
        raise InputError(
            f"no contour of F0 (shape {list(f0.shape)})", remedy="give F0 [T] in Hz, 0 where unvoiced"
        )
    values = f0.detach().cpu().numpy().astype(np.float64)
    voiced = np.flatnonzero(values)
    level = np.zeros(len(values))
    if len(voiced):
        normal = (np.log(values[voiced]) - statistics.mean) / max(statistics.std, 1e-4)
        level = np.interp(np.arange(len(values)), voiced, normal.clip(-REACH, REACH))
    return torch.from_numpy(np.stack([level, values > 0], -1).astype(np.float32)).to(f0.device)


class PitchCoder(nn.Module):
    """F0 <-> codes; a part of speech resynthesis and a player of the training loop.

    codes: how many there are; hop: samples from one to the next; tracker: by which the F0 it learned from was found.
    """

    hop: ClassVar[int] = HOP * FRAMES

    def __init__(self, settings: CoderSettings, tracker: Tracker = "dio") -> None:
        super().__init__()
        self.settings, self.codes, self.tracker = settings, settings.codes, tracker
        width, wide = settings.width, settings.dimensions
        up: list[nn.Module] = [nn.Conv1d(wide, width, 3, padding=1)]
        for _ in range(DOWNS):
            up += [Residual(width, GROWTH**i) for i in reversed(range(settings.depth))]
            up.append(nn.ConvTranspose1d(width, width, 4, 2, padding=1))
        self.encoder = Downsample(2, width, wide, [2] * DOWNS, settings.depth)
        self.quantiser = Quantiser(settings.codes, wide, settings.decay, settings.restart)
        self.decoder = nn.Sequential(*up, nn.Conv1d(width, 2, 3, padding=1))
        # The decoder is the encoder turned round: what a code sees, sees the code.
        self.context: int = self.encoder.context

    def describe(self) -> dict[str, Any]:
        """What `from_description` builds it from."""
        return {"kind": "pitch_vqvae", "tracker": self.tracker, "settings": self.settings.model_dump()}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """The coder that was described, untrained."""
        settings = CoderSettings.model_validate(description["settings"])
        if description["tracker"] not in TRACKERS:
            raise ValueError(f"no tracker {description['tracker']!r}")
        return cls(settings, description["tracker"])

    @torch.no_grad()
    def encode(self, f0: Tensor, statistics: Statistics) -> Tensor:
        """Codes [ceil(T / 16)] int64 of F0 [T] in Hz, 0 where unvoiced; any T, in bounded memory."""
        x = contour(f0, statistics)
        short = -len(x) % FRAMES
        if short and len(x):
            # The recording goes on unvoiced.
            x = torch.cat([x, x[-1:].expand(short, 2) * x.new_tensor([1.0, 0.0])])
        return _in_pieces(self._codes, x, FRAMES, 1, self.context)

    @torch.no_grad()
    def decode(self, codes: Tensor, statistics: Statistics, frames: int) -> Tensor:
        """F0 [frames] in Hz, 0 where unvoiced, of codes [ceil(frames / 16)] int64; any number, in bounded memory.

        Errors: a code that is none, or too few of them.
        """
        if codes.dim() != 1 or frames > FRAMES * len(codes):
            raise InputError(
                f"F0 codes {list(codes.shape)} for {frames} frames", remedy=f"one code is {FRAMES}"
            )
        if len(codes) and not bool(((codes >= 0) & (codes < self.codes)).all()):
            raise InputError(
                f"an F0 code that is not one of {self.codes}", remedy="use the coder they were made with"
            )
        y = _in_pieces(self._contour, codes, 1, FRAMES, self.context)[:frames]
        if not len(codes):
            return self.quantiser.codebook.new_zeros(0)
        level, voicing = y.unbind(-1)
        f0 = (level.clamp(-REACH, REACH) * statistics.std + statistics.mean).exp().clamp(*HEARD)
        return torch.where(voicing > 0, f0, torch.zeros_like(f0))

    def _codes(self, x: Tensor) -> Tensor:
        """Codes [T / 16] of x [T, 2]."""
        return self.quantiser.encode(self.encoder(x.T[None]).transpose(1, 2))[0]

    def _contour(self, codes: Tensor) -> Tensor:
        """Normalised log F0 and the logit of voicing, [16 T, 2], of codes [T]."""
        y: Tensor = self.decoder(self.quantiser.decode(codes).T[None])
        return y[0].T

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"pitch": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """The codebook starts at the first step; before it there is nothing to do."""

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """x [B, T, 2] of `contour`, lengths [B]: squared error of voiced log F0, entropy of voicing, commitment.

        Beside them vde, the share of frames whose voicing comes out wrong.
        """
        z = self.encoder(batch.x.transpose(1, 2)).transpose(1, 2)
        quantised, _, commitment = self.quantiser(z)
        level, logit = self.decoder(quantised.transpose(1, 2)).unbind(1)
        target, voiced = batch.x.unbind(-1)
        real = torch.arange(level.shape[1], device=level.device) < batch.lengths[:, None]
        sung = (voiced > 0) & real
        f0 = (level - target).square()[sung].sum() / sung.sum().clamp(min=1)
        voicing = functional.binary_cross_entropy_with_logits(logit[real], voiced[real])
        wrong = ((logit > 0) != (voiced > 0))[real].float().mean()
        loss = f0 + self.settings.voicing * voicing + self.settings.commitment * commitment
        return {"loss": loss, "f0": f0, "voicing": voicing, "commitment": commitment, "vde": wrong}

    def after_step(self) -> None:
        """The codebook has followed already."""


def _in_pieces(work: Callable[[Tensor], Tensor], x: Tensor, taken: int, given: int, context: int) -> Tensor:
    """work(x) of a sequence [T, ...] as if done at once, in pieces that see `context` codes beyond both ends.

    taken, given: values per code before and after `work`.
    """
    found = []
    for begin in range(0, len(x), PIECE * taken):
        first = max(begin - context * taken, 0)
        y = work(x[first : begin + (PIECE + context) * taken])
        skip = (begin - first) // taken * given
        found.append(y[skip : skip + PIECE * given])
    return torch.cat(found) if found else x.new_zeros(0, dtype=torch.int64)
