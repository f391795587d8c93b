"""VAE: every frame by itself (Kingma and Welling, 2014; sizes of Bie et al., Interspeech 2021).

q(z_t | x_t)      p(z_t) = N(0, I)      p(x_t | z_t)
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from speech_factorization.dynamical.gaussian import standard, standard_noise
from speech_factorization.dynamical.layers import GaussianOf, LogPowerOf
from speech_factorization.dynamical.model import DynamicalHyperparameters, DynamicalVAE, Frames, Widths
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(DynamicalHyperparameters):
    """x_z: widths from x to z; z_x: widths from z to x."""

    x_z: Widths = [256, 128, 64, 32]
    z_x: Widths = [32, 64, 128, 256]


class Model(DynamicalVAE):
    """The frame-wise VAE."""

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "q_z.layers.": "mlp_x_z.linear",
        "q_z.head.": ("inf_mean.", "inf_logvar."),
        "p_x.layers.": "mlp_z_x.linear",
        "p_x.head.": "gen_logvar.",
    }

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        self.q_z = GaussianOf([bins], hp.x_z, hp.z_dim)
        self.p_x = LogPowerOf([hp.z_dim], hp.z_x, bins)

    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """No frame sees another, so lengths change nothing."""
        q = self.q_z(x)  # q(z_t | x_t)
        z = q.sample(eps)
        p = standard(z)  # p(z_t)
        log_y = self.p_x(z)  # p(x_t | z_t)
        return Frames({"z": z}, q, p, log_y)

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """y [B, T, F] of codes["z"]."""
        return torch.exp(self.p_x(codes["z"]))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, frames: int = 150) -> Tensor:
        """x [n, frames, F]; frames are independent."""
        bias = self.p_x.head.bias
        z = standard_noise((n, frames, self.z_dim), generator, bias)
        return self.drawn(torch.exp(self.p_x(z)), generator)
