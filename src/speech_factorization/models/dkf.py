"""DKF: deep Kalman filter (Krishnan et al., 2015, 2017; sizes of Bie et al., Interspeech 2021).

g_t = LSTM backward over x_{t:T}
q(z_t | z_{t-1}, x_{t:T}) by g_t   p(z_t | z_{t-1})          p(x_t | z_t)
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.dynamical.gaussian import Gaussian, standard_noise
from speech_factorization.dynamical.layers import Features, GaussianOf, LogPowerOf, previous
from speech_factorization.dynamical.model import DynamicalHyperparameters, DynamicalVAE, Frames, Widths
from speech_factorization.dynamical.precision import full_precision
from speech_factorization.dynamical.recurrent import backward_in_time
from speech_factorization.dynamical.scan import scan
from speech_factorization.interfaces import Data

__all__ = ["GatedTransition", "Hyperparameters", "Model"]


class Hyperparameters(DynamicalHyperparameters):
    """rnn: states of the LSTM; the others: widths from what stands left of _ to what stands right of it.

    z_g ends in a layer as wide as the LSTM, since both are averaged.
    """

    rnn: int = Field(128, gt=0)
    x_g: Widths = [256]
    z_g: Widths = [32, 64]
    g_z: Widths = [64, 32]
    z_x: Widths = [32, 64, 128, 256]


class GatedTransition(nn.Module):
    """p(z_t | z_{t-1}): linear and nonlinear by a gate (Krishnan et al., 2017, section 5): [..., D] -> Gaussian."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        # First layers of gate and proposal, and the linear mean, in one product.
        self.of_z = nn.Linear(dim, 3 * dim)
        self.gate, self.proposal, self.variance = (nn.Linear(dim, dim) for _ in range(3))

    def forward(self, z: Tensor) -> Gaussian:
        """The Gaussian of z_t given z_{t-1}."""
        gate, proposal, linear = full_precision(self.of_z(z)).chunk(3, -1)
        gate = torch.sigmoid(full_precision(self.gate(torch.relu(gate))))
        proposal = full_precision(self.proposal(torch.relu(proposal)))
        variance = functional.softplus(full_precision(self.variance(torch.relu(proposal))))
        return Gaussian((1 - gate) * linear + gate * proposal, torch.log(variance))


class Model(DynamicalVAE):
    """The deep Kalman filter."""

    published: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "x_g.layers.": "mlp_x_gx.linear",
        "lstm_g.": "rnn_gx.",
        "z_g.layers.": "mlp_ztm1_g.linear",
        "z_g.layers.2.": "mlp_ztm1_g.linear_last.",
        "q_z.layers.": "mlp_g_z.linear",
        "q_z.head.": ("inf_mean.", "inf_logvar."),
        "p_z.of_z.": ("mlp_gate.linear1.", "mlp_z_prop.linear1.", "prior_mean."),
        "p_z.gate.": "mlp_gate.linear2.",
        "p_z.proposal.": "mlp_z_prop.linear2.",
        "p_z.variance.": "prior_logvar.1.",
        "p_x.layers.": "mlp_z_x.linear",
        "p_x.head.": "gen_logvar.",
    }

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        (bins,) = data.shape
        self.x_g = Features([bins], hp.x_g)
        self.lstm_g = nn.LSTM(hp.x_g[-1], hp.rnn, batch_first=True)
        self.z_g = Features([hp.z_dim], [*hp.z_g, hp.rnn])
        self.q_z = GaussianOf([hp.rnn], hp.g_z, hp.z_dim)
        self.p_z = GatedTransition(hp.z_dim)
        self.p_x = LogPowerOf([hp.z_dim], hp.z_x, bins)

    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """Only z_t needs a loop; all else is computed for all frames at once."""
        g = backward_in_time(self.lstm_g, self.x_g(x), lengths)

        def step(z: Tensor, g: Tensor, eps: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            q = self.q_z((self.z_g(z) + g) / 2)
            z = q.sample(eps)
            return z, (z, *q)

        z, *q = scan(step, torch.zeros_like(eps[:, 0]), g, eps)  # q(z_t | z_{t-1}, g_t)
        p = self.p_z(previous(z))  # p(z_t | z_{t-1})
        log_y = self.p_x(z)  # p(x_t | z_t)
        return Frames({"z": z}, Gaussian(*q), p, log_y)

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """y [B, T, F] of codes["z"]."""
        return torch.exp(self.p_x(codes["z"]))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, frames: int = 150) -> Tensor:
        """x [n, frames, F] from a chain of z_t."""
        eps = standard_noise((n, frames, self.z_dim), generator, self.p_x.head.bias)

        def step(z: Tensor, eps: Tensor) -> tuple[Tensor, tuple[Tensor]]:
            z = self.p_z(z).sample(eps)
            return z, (z,)

        (z,) = scan(step, torch.zeros_like(eps[:, 0]), eps)
        return self.drawn(torch.exp(self.p_x(z)), generator)
