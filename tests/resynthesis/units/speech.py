"""Something like speech, and small settings of every type of units."""

from typing import Any

import torch
from torch import Tensor

from speech_factorization.resynthesis.units.settings import (
    CPCSettings,
    HubertSettings,
    KMeansSettings,
    VQVAESettings,
)

KMEANS = KMeansSettings(codes=6)
TRAINING = {"epochs": 2, "batch": 4, "patience": 2, "learning_rate": 1e-3}
VQVAE = VQVAESettings(codes=6, width=4, channels=8, depth=1, crop=6400, restart=0.5, **TRAINING)
CPC = CPCSettings(codes=6, channels=8, context=8, steps=3, crop=6400, **TRAINING)
HUBERT = HubertSettings(layer=2, codes=6)
SMALL_HUBERT: dict[str, Any] = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [
        [8, 10, 5],
        [8, 3, 2],
        [8, 3, 2],
        [8, 3, 2],
        [8, 3, 2],
        [8, 2, 2],
        [8, 2, 2],
    ],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 12,
    "encoder_projection_dropout": 0.1,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 3,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.1,
    "encoder_ff_interm_features": 16,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.1,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.05,
    "aux_num_out": None,
}


def buzz(samples: int, seed: int = 0, tract: float = 1.0) -> Tensor:
    """Pulses through two resonances that wander from vowel to vowel, scaled by `tract`; and a little noise."""
    random = torch.Generator().manual_seed(seed)
    n = torch.arange(samples) / 16_000
    targets = torch.tensor([[700.0, 1200], [300, 2300], [350, 800], [500, 1500]])
    places = torch.randint(4, (samples // 1600 + 2,), generator=random)
    at = n * 10
    share = (at - at.floor())[:, None].clamp(0.3, 0.7).sub(0.3).div(0.4)
    low = at.long()
    formants = tract * (targets[places[low]] * (1 - share) + targets[places[low + 1]] * share)
    phase = 2 * torch.pi * torch.cumsum(110 + 20 * torch.sin(2 * n), 0) / 16_000
    wave = torch.zeros(samples)
    for k in range(1, 40):
        f = k * 110.0
        gain = sum(1 / (1 + ((f - formants[:, i]) / 80) ** 2) for i in range(2))
        wave = wave + gain * torch.sin(k * phase)
    return 0.05 * wave + 0.002 * torch.randn(samples, generator=random)
