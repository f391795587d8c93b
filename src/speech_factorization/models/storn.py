"""STORN: stochastic recurrent network (Bayer and Osendorfer, 2014; sizes of Bie et al., Interspeech 2021).

g_t = LSTM(x_{1:t})               h_t = LSTM([z_t, x_{t-1}] from 1 to t)
q(z_t | x_{1:t}) by g_t           p(z_t) = N(0, I)          p(x_t | z_{1:t}, x_{1:t-1}) by h_t
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
from speech_factorization.dynamical.gaussian import Gaussian, standard
from speech_factorization.dynamical.layers import Features, GaussianOf, LogPowerOf, previous
from speech_factorization.dynamical.model import Frames, Widths
from speech_factorization.dynamical.recurrent import LSTMState, advance, forward_in_time
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(AutoregressiveHyperparameters):
    """rnn: states of each LSTM; the others: widths from what stands left of _ to what stands right of it."""

    rnn: int = Field(128, gt=0)
    x_g: Widths = [256]
    g_z: Widths = [64, 32]
    z_h: Widths = [32, 64]
    x_h: Widths = [256]
    h_x: Widths = [256]


class Model(AutoregressiveVAE):
    """The stochastic recurrent network whose z_t are independent before x is seen."""

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "x_g.layers.": "mlp_x_g.linear",
        "lstm_g.": "rnn_g.",
        "q_z.layers.": "mlp_g_z.linear",
        "q_z.head.": ("inf_mean.", "inf_logvar."),
        "z_h.layers.": "mlp_z_h.linear",
        "x_h.layers.": "mlp_xtm1_h.linear",
        "lstm_h.": "rnn_h.",
        "p_x.layers.": "mlp_h_x.linear",
        "p_x.head.": "gen_logvar.",
    }

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        self.x_g = Features([bins], hp.x_g)
        self.lstm_g = nn.LSTM(hp.x_g[-1], hp.rnn, batch_first=True)
        self.q_z = GaussianOf([hp.rnn], hp.g_z, hp.z_dim)
        self.z_h = Features([hp.z_dim], hp.z_h)
        self.x_h = Features([bins], hp.x_h)
        self.lstm_h = nn.LSTM(hp.z_h[-1] + hp.x_h[-1], hp.rnn, batch_first=True)
        self.p_x = LogPowerOf([hp.rnn], hp.h_x, bins)

    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """No loop: q does not look at z. Nothing looks ahead, so lengths change nothing."""
        q = self.q_z(forward_in_time(self.lstm_g, self.x_g(x)))  # q(z_t | g_t)
        z, x_past = q.sample(eps), previous(x)
        p = standard(z)  # p(z_t)
        log_y = self.teacher_forced(z, x_past)  # p(x_t | h_t)
        return Frames({"z": z, "x_past": x_past}, q, p, log_y)

    def teacher_forced(self, z: Tensor, x_past: Tensor) -> Tensor:
        """All frames at once, given the true x_{t-1}."""
        h = forward_in_time(self.lstm_h, torch.cat([self.z_h(z), self.x_h(x_past)], -1))
        return self.p_x(h)  # type: ignore[no-any-return]  # p(x_t | h_t)

    def step(self, x: Tensor, z: Tensor, state: LSTMState | None, draw: Callable[[Gaussian], Tensor]) -> Step:
        """x_{t-1}, z_{t-1} -> p(z_t), z_t, ln y_t."""
        p = standard(z)
        z = draw(p)
        h, c = advance(self.lstm_h, torch.cat([self.z_h(z), self.x_h(x)], -1), state)
        return p, z, self.p_x(h), (h, c)
