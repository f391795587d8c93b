"""Normalization flow: p(z) = N(0, I), no classes; the baseline of the discriminative flows."""

from speech_factorization.flow.model import FactorialFlow, FlowHyperparameters
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(FlowHyperparameters):
    """Those of every flow."""


class Model(FactorialFlow):
    """No parts."""

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data, {}, "hp.nf")
