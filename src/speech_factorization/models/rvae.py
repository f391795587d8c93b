"""Non-causal RVAE: recurrent variational autoencoder (Leglaive et al., 2020; sizes of Bie et al., 2021).

g_t = LSTM both ways over x_{1:T}   k_t = LSTM(z_{1:t-1})   h_t = LSTM both ways over z_{1:T}
q(z_t | z_{1:t-1}, x_{1:T}) by g_t, k_t      p(z_t) = N(0, I)      p(x_t | z_{1:T}) by h_t
The two differ in the direction of two LSTMs; the code is dynamical/rvae.py.
"""

from typing import ClassVar

from speech_factorization.dynamical.rvae import RVAE, RVAEHyperparameters

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(RVAEHyperparameters):
    """As of both recurrent VAEs."""


class Model(RVAE):
    """The recurrent VAE that generates x_t from all z."""

    causal: ClassVar[bool] = False
