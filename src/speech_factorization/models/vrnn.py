"""VRNN: variational recurrent network (Chung et al., 2015; sizes of Bie et al., Interspeech 2021).

h_t = LSTM([x, z]_{1:t-1})
q(z_t | z_{1:t-1}, x_{1:t}) by x_t, h_t   p(z_t | z_{1:t-1}, x_{1:t-1}) by h_t   p(x_t | z_{1:t}, x_{1:t-1}) by z_t, h_t
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
from speech_factorization.dynamical.recurrent import LSTMState, advance, forward_in_time, given
from speech_factorization.dynamical.scan import scan
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(AutoregressiveHyperparameters):
    """rnn: states of the LSTM; x, z: widths of their features; the others: from left of _ to right of it."""

    rnn: int = Field(128, gt=0)
    x: Widths = [256]
    z: Widths = [32, 64]
    hx_z: Widths = [64, 32]
    h_z: Widths = [64, 32]
    hz_x: Widths = [256]


class Model(AutoregressiveVAE):
    """The variational recurrent network."""

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "x.layers.": "feature_extractor_x.linear",
        "z.layers.": "feature_extractor_z.linear",
        "lstm.": "rnn.",
        "q_z.layers.": "mlp_hx_z.linear",
        "q_z.head.": ("inf_mean.", "inf_logvar."),
        "p_z.layers.": "mlp_h_z.linear",
        "p_z.head.": ("prior_mean.", "prior_logvar."),
        "p_x.layers.": "mlp_hz_x.linear",
        "p_x.head.": "gen_logvar.",
    }

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        self.x = Features([bins], hp.x)
        self.z = Features([hp.z_dim], hp.z)
        self.lstm = nn.LSTM(hp.x[-1] + hp.z[-1], hp.rnn, batch_first=True)
        self.q_z = GaussianOf([hp.x[-1], hp.rnn], hp.hx_z, hp.z_dim)
        self.p_z = GaussianOf([hp.rnn], hp.h_z, hp.z_dim)
        self.p_x = LogPowerOf([hp.z[-1], hp.rnn], hp.hz_x, bins)

    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """What x gives to q and to the LSTM is computed for all frames at once; lengths change nothing."""
        features = self.x(x)
        of_x, q_z = self.q_z.given(features)
        to_h, next_h = given(self.lstm, features)

        def step(
            state: LSTMState, of_x: Tensor, to_h: Tensor, eps: Tensor
        ) -> tuple[LSTMState, tuple[Tensor, ...]]:
            h, _ = state
            q = q_z(of_x, h)
            z = q.sample(eps)
            features = self.z(z)
            return next_h(to_h, features, state), (z, features, h, *q)

        h_1 = x.new_zeros(len(x), self.lstm.hidden_size)
        z, z_features, h, *q = scan(step, (h_1, h_1), of_x, to_h, eps)  # q(z_t | x_t, h_t)
        p = self.p_z(h)  # p(z_t | h_t)
        log_y = self.p_x(z_features, h)  # p(x_t | z_t, h_t)
        return Frames({"z": z, "x_past": previous(x)}, Gaussian(*q), p, log_y)

    def teacher_forced(self, z: Tensor, x_past: Tensor) -> Tensor:
        """All frames at once, given the true x_{t-1}."""
        features = self.z(z)
        read = torch.cat([self.x(x_past), previous(features)], -1)
        # h_1 = 0, before anything is read: what is read at t gives h_t only from t = 2 on.
        h = previous(forward_in_time(self.lstm, read.roll(-1, 1)))
        return self.p_x(features, h)  # type: ignore[no-any-return]

    def step(self, x: Tensor, z: Tensor, state: LSTMState | None, draw: Callable[[Gaussian], Tensor]) -> Step:
        """x_{t-1}, z_{t-1} -> p(z_t | .), z_t, ln y_t."""
        if state is None:
            h = c = x.new_zeros(len(x), self.lstm.hidden_size)
        else:
            h, c = advance(self.lstm, torch.cat([self.x(x), self.z(z)], -1), state)
        p = self.p_z(h)
        z = draw(p)
        return p, z, self.p_x(self.z(z), h), (h, c)
