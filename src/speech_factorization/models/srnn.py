"""SRNN: stochastic recurrent network (Fraccaro et al., 2016; sizes of Bie et al., Interspeech 2021).

h_t = LSTM(x_{1:t-1})              g_t = LSTM backward over [h, x]_{t:T}
q(z_t | z_{t-1}, x_{1:T}) by g_t   p(z_t | z_{t-1}, x_{1:t-1}) by h_t   p(x_t | z_t, x_{1:t-1}) by h_t
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.autoregressive import (
    AutoregressiveHyperparameters,
    AutoregressiveVAE,
    Step,
)
from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.dynamical.layers import Features, GaussianOf, LogPowerOf, previous
from speech_factorization.dynamical.model import Frames, Widths
from speech_factorization.dynamical.recurrent import LSTMState, advance, backward_in_time, forward_in_time
from speech_factorization.dynamical.scan import scan
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(AutoregressiveHyperparameters):
    """rnn: states of each LSTM; the others: widths from what stands left of _ to what stands right of it."""

    rnn: int = Field(128, gt=0)
    x_h: Widths = [256]
    hx_g: Widths = [256]
    gz_z: Widths = [64, 32]
    hz_z: Widths = [64, 32]
    hz_x: Widths = [256]


class Model(AutoregressiveVAE):
    """The stochastic recurrent network."""

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "x_h.layers.": "mlp_x_h.linear",
        "lstm_h.": "rnn_h.",
        "hx_g.layers.": "mlp_hx_g.linear",
        "lstm_g.": "rnn_g.",
        "q_z.layers.": "mlp_gz_z.linear",
        "q_z.head.": ("inf_mean.", "inf_logvar."),
        "p_z.layers.": "mlp_hz_z.linear",
        "p_z.head.": ("prior_mean.", "prior_logvar."),
        "p_x.layers.": "mlp_hz_x.linear",
        "p_x.head.": "gen_logvar.",
    }

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        self.x_h = Features([bins], hp.x_h)
        self.lstm_h = nn.LSTM(hp.x_h[-1], hp.rnn, batch_first=True)
        self.hx_g = Features([hp.rnn, bins], hp.hx_g)
        self.lstm_g = nn.LSTM(hp.hx_g[-1], hp.rnn, batch_first=True)
        self.q_z = GaussianOf([hp.rnn, hp.z_dim], hp.gz_z, hp.z_dim)
        self.p_z = GaussianOf([hp.rnn, hp.z_dim], hp.hz_z, hp.z_dim)
        self.p_x = LogPowerOf([hp.rnn, hp.z_dim], hp.hz_x, bins)

    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """Only z_t needs a loop; all else is computed for all frames at once."""
        x_past = previous(x)
        h = forward_in_time(self.lstm_h, self.x_h(x_past))
        g = backward_in_time(self.lstm_g, self.hx_g(h, x), lengths)
        projection, q_z = self.q_z.given(g)

        def step(z: Tensor, projection: Tensor, eps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            q = q_z(projection, z)
            z = q.sample(eps)
            return z, (z, *q)

        z, *q = scan(step, torch.zeros_like(eps[:, 0]), projection, eps)  # q(z_t | z_{t-1}, g_t)
        p = self.p_z(h, previous(z))  # p(z_t | z_{t-1}, h_t)
        log_y = self.p_x(h, z)  # p(x_t | z_t, h_t)
        return Frames({"z": z, "x_past": x_past}, Gaussian(*q), p, log_y)

    def teacher_forced(self, z: Tensor, x_past: Tensor) -> Tensor:
        """All frames at once, given the true x_{t-1}."""
        h = forward_in_time(self.lstm_h, self.x_h(x_past))
        return self.p_x(h, z)  # type: ignore[no-any-return]

    def step(self, x: Tensor, z: Tensor, state: LSTMState | None, draw: Callable[[Gaussian], Tensor]) -> Step:
        """x_{t-1}, z_{t-1} -> p(z_t | .), z_t, ln y_t."""
        h, c = advance(self.lstm_h, self.x_h(x), state)
        p = self.p_z(h, z)
        z = draw(p)
        return p, z, self.p_x(h, z), (h, c)
