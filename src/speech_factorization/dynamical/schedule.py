"""What grows from 0 to 1 in the course of training."""

from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = ["Epochs", "ramp"]


def _growing(epochs: list[int]) -> list[int]:
    if epochs[0] >= epochs[1]:
        raise ValueError("name the first epoch before the last")
    return epochs


# [first, last], counted from 0.
Epochs = Annotated[
    list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2), AfterValidator(_growing)
]


def ramp(epochs: list[int], epoch: int) -> float:
    """0 up to the first epoch, 1 from the last on, linear between them."""
    first, last = epochs
    return min(1.0, max(0.0, (epoch - first) / (last - first)))
