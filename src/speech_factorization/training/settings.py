"""How long, how fast and on what a model is trained."""

from typing import Annotated, Literal

from pydantic import Field

from speech_factorization.strict import Strict

__all__ = ["Device", "Precision", "TrainSettings"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16"]
Positive = Annotated[int, Field(gt=0)]


class TrainSettings(Strict):
    """One `train` block of the parameters: unknown names are errors, values are not coerced.

    batch: items of a batch; whoever makes the Batches reads it, the loop does not.
    epochs: at most so many. patience: epochs without a better validation loss before training stops.
    valid_every: epochs between validations (the last epoch is always validated).
    learning_rate: Adam's, reached after `warm_up` steps of linear growth (0: at once);
      "constant" stays there, "cosine" falls to 0 over all epochs.
    clip: largest norm of a player's gradient; 0 does not clip.
    """

    batch: Positive
    epochs: Positive
    patience: Positive
    learning_rate: Annotated[float, Field(gt=0.0)]
    clip: Annotated[float, Field(ge=0.0)] = 0.0
    warm_up: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["constant", "cosine"] = "constant"
    valid_every: Positive = 1
