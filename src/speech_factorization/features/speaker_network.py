"""A network that tells speakers apart by their sound, from waves at 16 kHz; its log-mel is made inside.

TDNN with statistics pooling (Snyder et al., X-vectors, ICASSP 2018) and an additive angular margin (Deng et al.,
ArcFace, CVPR 2019).
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.features.mel import mel_bands
from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
from speech_factorization.features.standardise import Standardise
from speech_factorization.interfaces import Batch, Schedule

__all__ = ["HOP", "SEEN", "SHORTEST", "STRIDE", "WINDOW", "SpeakerNetwork"]

WINDOW, HOP = 400, 160  # 25 and 10 ms
STRIDE, SEEN = 2, 25
"""Output i of the layers over time sees the frames of log-mel from STRIDE i on, SEEN of them."""

SHORTEST = 4000
"""Samples; shorter waves are to be repeated."""


class SpeakerNetwork(nn.Module):
    """Wave [N, samples] -> embedding [N, 256] of unit length; a player of the training loop."""

    bands: Tensor

    def __init__(self, speakers: Sequence[str], settings: SpeakerNetworkSettings, seed: int = 0) -> None:
        super().__init__()
        self.speakers, self.settings = tuple(speakers), settings
        c, bands = settings.channels, settings.bands
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.frames = nn.Sequential(
                *_layer(bands, c, 5, stride=STRIDE),
                *_layer(c, c, 3, dilation=2),
                *_layer(c, c, 3, dilation=3),
                *_layer(c, c, 1),
            )
            self.output = nn.Linear(2 * c, settings.dimensions)
            classes = len(speakers) * (1 + len(settings.speeds))
            self.centres = nn.Parameter(torch.randn(classes, settings.dimensions))
        self.standardise = Standardise((bands,))
        self.register_buffer("bands", mel_bands(bands, torch.arange(WINDOW // 2 + 1) * 40.0))

    def mel(self, waves: Tensor, center: bool = True) -> Tensor:
        """[N, samples] -> log-mel [N, T, bands] at 10 ms; center: as torch.stft has it, reflected at the ends."""
        window = torch.hann_window(WINDOW, device=waves.device)
        spectrum = torch.stft(waves, WINDOW, HOP, window=window, center=center, return_complex=True)
        return (spectrum.abs().transpose(1, 2) @ self.bands.T + 1e-5).log()

    def log_mel(self, waves: Tensor) -> Tensor:
        """`mel` from which every band's mean over time, the channel, is taken away."""
        mel = self.mel(waves)
        return mel - mel.mean(1, keepdim=True)

    def pooled(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Embedding of unit length [N, 256] of the mean and variance [N, channels] of `frames` over time."""
        statistics = torch.cat([mean, (variance + 1e-6).sqrt()], -1)
        return functional.normalize(self.output(statistics), dim=-1)

    def forward(self, waves: Tensor) -> Tensor:
        """Embedding of unit length [N, 256] of waves [N, samples]."""
        h = self.frames(self.standardise(self.log_mel(waves)).transpose(1, 2))
        return self.pooled(h.mean(-1), h.var(-1, unbiased=False))

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"speaker": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Fit the standardisation of the log-mel."""
        made = ((self.log_mel(batch.x), batch) for batch in batches)
        self.standardise.fit(
            Batch(mel, torch.full((len(mel),), mel.shape[1], device=mel.device), batch.factors)
            for mel, batch in made
        )

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Cross-entropy of s cos(theta + m [true speaker]); without the margin m outside training."""
        truth = batch.factors["speaker"]
        cosine = self.forward(batch.x) @ functional.normalize(self.centres, dim=-1).T
        right = (cosine.argmax(-1) == truth).float().mean()
        if schedule.training:
            angle = cosine.gather(1, truth[:, None]).clamp(-1 + 1e-6, 1 - 1e-6).acos()
            # Past pi the cosine would rise again.
            margined = (angle + self.settings.margin).clamp(max=torch.pi).cos()
            cosine = cosine.scatter(1, truth[:, None], margined)
        loss = functional.cross_entropy(self.settings.scale * cosine, truth)
        return {"loss": loss, "accuracy": right.detach()}

    def after_step(self) -> None:
        """Nothing follows a step."""


def _layer(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    convolution = nn.Conv1d(inputs, outputs, kernel, stride, dilation=dilation)
    return [convolution, nn.ReLU(), nn.BatchNorm1d(outputs)]
