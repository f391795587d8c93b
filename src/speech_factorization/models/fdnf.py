"""Factorial discriminative normalization flow: each factor's class shifts the mean of a part of its own.

    p(z) = N(z_phone; mu_phone, I) N(z_speaker; mu_speaker, I) N(z_rest; 0, I)

(Sun et al., Deep generative factorization for speech signal, ICASSP 2021, arXiv 2010.14242); any number of
named factors.
"""

from typing import Annotated

from pydantic import Field

from speech_factorization.flow.model import ClassHyperparameters, FactorialFlow
from speech_factorization.interfaces import Data

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(ClassHyperparameters):
    """parts: factor -> dimensions of its part; None: what its class means span, or with a random front a share."""

    parts: Annotated[dict[str, Annotated[int, Field(gt=0)] | None], Field(min_length=1)] = {
        "phone": None,
        "speaker": None,
    }


class Model(FactorialFlow):
    """One part for each of hp.parts, the rest N(0, I)."""

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__(hp, data, hp.parts, "hp.fdnf")
