"""DSAE: disentangled sequential autoencoder (Li and Mandt, 2018; sizes of Bie et al., Interspeech 2021).

One code v for the whole sequence beside z_t. g_t, r_t: LSTMs both ways over x_{1:T}, the second with v;
k_t = RNN(r_{1:t}); h_t = LSTM(z_{1:t-1})
q(v | x_{1:T}) by g_T, g_1         p(v) = N(0, I)
q(z_t | v, x_{1:T}) by k_t         p(z_t | z_{1:t-1}) by h_t         p(x_t | v, z_t)
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.gaussian import standard, standard_noise
from speech_factorization.dynamical.layers import Features, GaussianOf, LogPowerOf, previous
from speech_factorization.dynamical.model import DynamicalHyperparameters, DynamicalVAE, Frames, Widths
from speech_factorization.dynamical.recurrent import LSTMState, advance, both_ways, forward_in_time
from speech_factorization.dynamical.scan import scan
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(DynamicalHyperparameters):
    """v_dim: dimensions of v. beta_v: weight of the KL divergence of v, beside `beta`, that of z_t.

    rnn: states of each LSTM over x; rnn_z: of k; rnn_p: of h; the others: widths from what stands left of _ to
    what stands right of it.
    """

    v_dim: int = Field(16, gt=0)
    beta_v: float = Field(1.0, ge=0)
    rnn: int = Field(128, gt=0)
    rnn_z: int = Field(32, gt=0)
    rnn_p: int = Field(32, gt=0)
    x_g: Widths = [256]
    g_v: Widths = [64, 32]
    xv_r: Widths = [256]
    r_k: Widths = [64]
    vz_x: Widths = [32, 64, 128, 256]


class Model(DynamicalVAE):
    """The disentangled sequential autoencoder."""

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "x_g.layers.": "mlp_x.linear",
        "lstm_g.": "rnn_g_v.",
        "q_v.layers.": "mlp_gv_v.linear",
        "q_v.head.": ("inf_v_mean.", "inf_v_logvar."),
        "xv_r.layers.": "mlp_xv_gxv.linear",
        "lstm_r.": "rnn_g_xv.",
        "r_k.layers.": "mlp_gxv_gz.linear",
        "rnn_k.": "rnn_g_z.",
        "q_z.head.": ("inf_z_mean.", "inf_z_logvar."),
        "lstm_h.": "rnn_prior.",
        "p_z.head.": ("prior_mean.", "prior_logvar."),
        "p_x.layers.": "mlp_vz_x.linear",
        "p_x.head.": "gen_out.",
    }

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        self.v_dim, self.beta_v = hp.v_dim, hp.beta_v
        self.x_g = Features([bins], hp.x_g)
        self.lstm_g = nn.LSTM(hp.x_g[-1], hp.rnn, batch_first=True, bidirectional=True)
        self.q_v = GaussianOf([2 * hp.rnn], hp.g_v, hp.v_dim)
        self.xv_r = Features([hp.x_g[-1], hp.v_dim], hp.xv_r)
        self.lstm_r = nn.LSTM(hp.xv_r[-1], hp.rnn, batch_first=True, bidirectional=True)
        self.r_k = Features([2 * hp.rnn], hp.r_k)
        self.rnn_k = nn.RNN(hp.r_k[-1], hp.rnn_z, batch_first=True)
        self.q_z = GaussianOf([hp.rnn_z], [], hp.z_dim)
        self.lstm_h = nn.LSTM(hp.z_dim, hp.rnn_p, batch_first=True)
        self.p_z = GaussianOf([hp.rnn_p], [], hp.z_dim)
        self.p_x = LogPowerOf([hp.v_dim, hp.z_dim], hp.vz_x, bins)

    def noise(self, x: Tensor, generator: torch.Generator | None) -> dict[str, Tensor]:
        """eps of z_t, and eps_v of v."""
        return super().noise(x, generator) | {"eps_v": standard_noise((len(x), self.v_dim), generator, x)}

    def forward(
        self, x: Tensor, eps: Tensor, lengths: Tensor | None = None, eps_v: Tensor | None = None
    ) -> Frames:
        """No loop: q does not look at z."""
        features = self.x_g(x)
        q_v = self.q_v(self._ends(both_ways(self.lstm_g, features, lengths), lengths))  # q(v | x_{1:T})
        v = q_v.mean if eps_v is None else q_v.sample(eps_v)
        v_t = v[:, None].expand(-1, x.shape[1], -1)
        r = both_ways(self.lstm_r, self.xv_r(features, v_t), lengths)
        q = self.q_z(self.rnn_k(self.r_k(r))[0])  # q(z_t | v, k_t)
        z = q.sample(eps)
        p = self.p_z(forward_in_time(self.lstm_h, previous(z)))  # p(z_t | h_t)
        log_y = self.p_x(v_t, z)  # p(x_t | v, z_t)
        return Frames({"z": z, "v": v}, q, p, log_y, q_v)

    def terms(self, frames: Frames, x: Tensor, real: Tensor, warm_up: float) -> dict[str, Tensor]:
        """As of all, and kl_v: KL(q(v | x_{1:T}) || N(0, I)) in nats per frame."""
        terms = super().terms(frames, x, real, warm_up)
        assert frames.v is not None
        kl_v = frames.v.kl(standard(frames.v.mean)).sum() / real.sum()
        loss = terms["loss"] + warm_up * self.beta_v * kl_v
        return terms | {"loss": loss, "kl_v": kl_v, "elbo": terms["elbo"] - kl_v}

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """y [B, T, F] of codes["z"] [B, T, z_dim] and codes["v"] [B, v_dim]."""
        z = codes["z"]
        return torch.exp(self.p_x(codes["v"][:, None].expand(-1, z.shape[1], -1), z))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, frames: int = 150) -> Tensor:
        """x [n, frames, F] of one v and a chain of z_t each."""
        bias = self.p_x.head.bias
        v = standard_noise((n, self.v_dim), generator, bias)
        eps = standard_noise((n, frames, self.z_dim), generator, bias)

        def step(past: tuple[Tensor, LSTMState | None], eps: Tensor) -> tuple[object, tuple[Tensor]]:
            z, state = past
            h, c = advance(self.lstm_h, z, state)
            z = self.p_z(h).sample(eps)
            return (z, (h, c)), (z,)

        (z,) = scan(step, (torch.zeros_like(eps[:, 0]), None), eps)
        return self.drawn(self.decode({"z": z, "v": v}), generator)

    def _ends(self, states: Tensor, lengths: Tensor | None) -> Tensor:
        """The forward state at each item's last real frame, and the backward one at its first: [B, 2H]."""
        ahead, back = states.chunk(2, -1)
        if lengths is None:
            return torch.cat([ahead[:, -1], back[:, 0]], -1)
        last = (lengths - 1)[:, None, None].expand(-1, 1, ahead.shape[-1])
        return torch.cat([ahead.gather(1, last)[:, 0], back[:, 0]], -1)
