"""Discriminative normalization flow of phones: p(z) = N(mu_phone, I), the whole code shifted by one factor.

(Cai et al., Deep normalization for speaker vectors, arXiv 2004.04095.)
"""

from speech_factorization.flow.model import ClassHyperparameters, FactorialFlow
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(ClassHyperparameters):
    """Those of every flow with classes."""


class Model(FactorialFlow):
    """One part, all of the dimensions that the couplings act on."""

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data, {"phone": hp.dimensions}, "hp.dnf_phone")
