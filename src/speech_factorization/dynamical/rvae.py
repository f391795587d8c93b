"""What the causal and the non-causal recurrent VAE share: all but the direction of two LSTMs.

S. Leglaive, X. Alameda-Pineda, L. Girin, R. Horaud, A recurrent variational autoencoder for speech enhancement,
ICASSP 2020.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.gaussian import Gaussian, standard, standard_noise
from speech_factorization.dynamical.layers import Features, GaussianOf, LogPowerOf
from speech_factorization.dynamical.model import DynamicalHyperparameters, DynamicalVAE, Frames, Widths
from speech_factorization.dynamical.recurrent import (
    LSTMState,
    advance,
    backward_in_time,
    both_ways,
    forward_in_time,
)
from speech_factorization.dynamical.scan import scan
from speech_factorization.interfaces import Data

__all__ = ["RVAE", "RVAEHyperparameters"]


class RVAEHyperparameters(DynamicalHyperparameters):
    """rnn: states of each LSTM; the others: widths from what stands left of _ to what stands right of it."""

    rnn: int = Field(128, gt=0)
    x_g: Widths = [256]
    z_g: Widths = [32, 64]
    g_z: Widths = [64, 32]
    z_h: Widths = [32, 64]
    h_x: Widths = [256]


class RVAE(DynamicalVAE):
    """The recurrent VAE. causal: x_t is generated from z_{1:t}, else from z_{1:T}."""

    causal: ClassVar[bool]

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "x_g.layers.": "mlp_x_gx.linear",
        "lstm_g.": "rnn_g_x.",
        "z_g.layers.": "mlp_z_gz.linear",
        "lstm_z.": "rnn_g_z.",
        "q_z.layers.": "mlp_g_z.linear",
        "q_z.head.": ("inf_mean.", "inf_logvar."),
        "z_h.layers.": "mlp_z_h.linear",
        "lstm_h.": "rnn_h.",
        "p_x.layers.": "mlp_h_x.linear",
        "p_x.head.": "gen_logvar.",
    }

    def __init__(self, hp: RVAEHyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        ways = 1 if self.causal else 2
        self.x_g = Features([bins], hp.x_g)
        self.lstm_g = nn.LSTM(hp.x_g[-1], hp.rnn, batch_first=True, bidirectional=not self.causal)
        self.z_g = Features([hp.z_dim], hp.z_g)
        self.lstm_z = nn.LSTM(hp.z_g[-1], hp.rnn, batch_first=True)
        self.q_z = GaussianOf([ways * hp.rnn, hp.rnn], hp.g_z, hp.z_dim)
        self.z_h = Features([hp.z_dim], hp.z_h)
        self.lstm_h = nn.LSTM(hp.z_h[-1], hp.rnn, batch_first=True, bidirectional=not self.causal)
        self.p_x = LogPowerOf([ways * hp.rnn], hp.h_x, bins)

    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """Only z_t needs a loop; all else is computed for all frames at once."""
        g = backward_in_time(self.lstm_g, self.x_g(x), lengths)
        projection, q_z = self.q_z.given(g)

        def step(
            state: tuple[Tensor, LSTMState], projection: Tensor, eps: Tensor
        ) -> tuple[tuple[Tensor, LSTMState], tuple[Tensor, ...]]:
            z, past = state
            h, c = advance(self.lstm_z, self.z_g(z), past)
            q = q_z(projection, h)
            z = q.sample(eps)
            return (z, (h, c)), (z, *q)

        z_0, h_0 = torch.zeros_like(eps[:, 0]), x.new_zeros(len(x), self.lstm_z.hidden_size)
        z, *q = scan(step, (z_0, (h_0, h_0)), projection, eps)  # q(z_t | z_{1:t-1}, g_t)
        codes = {"z": z}
        if lengths is not None and not self.causal:
            codes["lengths"] = lengths
        return Frames(codes, Gaussian(*q), standard(z), self._log_y(z, lengths))  # p(z_t), p(x_t | h_t)

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """y [B, T, F] of codes["z"]; codes["lengths"] [B] where the generation looks ahead and items are padded."""
        return torch.exp(self._log_y(codes["z"], codes.get("lengths")))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, frames: int = 150) -> Tensor:
        """x [n, frames, F] of independent z_t."""
        z = standard_noise((n, frames, self.z_dim), generator, self.p_x.head.bias)
        return self.drawn(self.decode({"z": z}), generator)

    def _log_y(self, z: Tensor, lengths: Tensor | None) -> Tensor:
        features = self.z_h(z)
        if self.causal:
            return self.p_x(forward_in_time(self.lstm_h, features))  # type: ignore[no-any-return]
        return self.p_x(both_ways(self.lstm_h, features, lengths))  # type: ignore[no-any-return]
