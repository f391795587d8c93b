"""What the networks that make units look at."""

import torch
from torch import Tensor, nn

from speech_factorization.features.standardise import Standardise
from speech_factorization.resynthesis.units.hearing import BANDS, HOP, listen, log_mel
from speech_factorization.resynthesis.units.settings import Input
from speech_factorization.resynthesis.units.vocal_tract import VocalTract

__all__ = ["Front"]


class Front(nn.Module):
    """Wave -> what a network looks at, one entry every `hop` samples.

    wave: the samples; mel: log-mel bands without the utterance's mean; normalised: these with the recording's warp,
    for which `tract` must be fitted. standardise: fitted by whoever trains, applied by the network.
    """

    def __init__(self, kind: Input) -> None:
        super().__init__()
        self.kind = kind
        self.hop, self.channels = (1, 1) if kind == "wave" else (HOP, BANDS)
        self.standardise = Standardise((self.channels,))
        if kind == "normalised":
            self.tract = VocalTract()

    @torch.no_grad()
    def forward(self, wave: Tensor) -> Tensor:
        """[ceil(samples / hop), channels] of a whole recording, wave [samples]; not yet standardised."""
        wave = listen(wave)
        if self.kind == "wave":
            return wave[:, None]
        bands = log_mel(wave)
        if self.kind == "normalised":
            return self.tract.warped(bands, self.tract.choose(bands))
        return bands - bands.mean(0)
