"""What a generator of waves is trained with: log-mel distances, feature matching, and the game with discriminators.

The game, D in 0..1 or meant to be: 1 where a wave is real (Goodfellow et al., 2014; Mao et al., 2017).

    discriminators: min E g(1 - D(x)) + E g(D(x_hat))        generator: min E g(1 - D(x_hat))

f       g(u)                             D of scores s   best D of densities p (real) and q (made)
D       u, total variation               sigmoid(s)      1 where p > q, else 0
D^2     u^2, least squares               s               p / (p + q)
ln D    -ln(1 - u), cross-entropy        sigmoid(s)      p / (p + q)

A linear game over unbounded scores would have no optimum: with D in 0..1 it is the Wasserstein distance for the
distance that is 1 between any two waves.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.functional import melscale_fbanks

from speech_factorization.resynthesis.discriminators import Verdict

__all__ = [
    "GAMES",
    "Game",
    "LogMel",
    "MelLoss",
    "discriminator_loss",
    "feature_matching",
    "generator_loss",
    "probability",
]

Game = Literal["D", "D^2", "ln D"]

# s -> g(D(s)); g(1 - D(s)) is that of the mirrored score.
GAMES: Mapping[Game, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "D": (torch.sigmoid, lambda s: torch.sigmoid(-s)),
    "D^2": (torch.square, lambda s: (1 - s).square()),
    "ln D": (functional.softplus, lambda s: functional.softplus(-s)),
}
"""f -> (g(D(s)), g(1 - D(s))) of scores s."""


def probability(scores: Tensor, f: Game) -> Tensor:
    """D of the scores s, [...]."""
    return scores if f == "D^2" else scores.sigmoid()


def discriminator_loss(real: Sequence[Verdict], made: Sequence[Verdict], f: Game = "D^2") -> Tensor:
    """sum over discriminators of mean g(1 - D(x)) + mean g(D(x_hat)), [] ."""
    g, g_mirrored = GAMES[f]
    terms = [g_mirrored(x.scores).mean() + g(y.scores).mean() for x, y in zip(real, made, strict=True)]
    return torch.stack(terms).sum()


def generator_loss(made: Sequence[Verdict], f: Game = "D^2") -> Tensor:
    """sum over discriminators of mean g(1 - D(x_hat)), []."""
    return torch.stack([GAMES[f][1](y.scores).mean() for y in made]).sum()


def feature_matching(real: Sequence[Verdict], made: Sequence[Verdict]) -> Tensor:
    """sum over discriminators and layers of the mean |feature of x - feature of x_hat|, []."""
    pairs = (
        pair for x, y in zip(real, made, strict=True) for pair in zip(x.features, y.features, strict=True)
    )
    return torch.stack([functional.l1_loss(b, a) for a, b in pairs]).sum()


class LogMel(nn.Module):
    """Wave [N, samples] -> ln(max(mel magnitude, floor)) [N, bands, frames]; HiFi-GAN's, whose hop is fft / 4."""

    weights: Tensor

    def __init__(self, fft: int = 1024, bands: int = 80, floor: float = 1e-5) -> None:
        super().__init__()
        self.fft, self.hop, self.floor = fft, fft // 4, floor
        weights = melscale_fbanks(fft // 2 + 1, 0.0, 8000.0, bands, 16_000, "slaney", "slaney")
        self.register_buffer("weights", weights.T.contiguous(), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        # Mixed precision ends here: under its rounding the logarithm would not be smooth.
        with torch.autocast(wave.device.type, enabled=False):
            return self._log_mel(wave.float())

    def _log_mel(self, wave: Tensor) -> Tensor:
        x = functional.pad(wave, [(self.fft - self.hop) // 2] * 2, "reflect")
        window = torch.hann_window(self.fft, device=wave.device)
        spectrum = torch.stft(x, self.fft, self.hop, window=window, center=False, return_complex=True)
        # The gradient of a magnitude is infinite at 0.
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
        return (self.weights @ magnitude).clamp(min=self.floor).log()


class MelLoss(nn.Module):
    """Mean over `ffts` of the mean |log-mel(x) - log-mel(x_hat)|, []."""

    def __init__(self, ffts: Sequence[int], bands: Sequence[int]) -> None:
        super().__init__()
        self.members = nn.ModuleList(LogMel(fft, n) for fft, n in zip(ffts, bands, strict=True))

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        return torch.stack([functional.l1_loss(mel(made), mel(real)) for mel in self.members]).mean()
