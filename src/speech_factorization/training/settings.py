"""How long and how fast a model is trained."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TrainSettings"]

Positive = Annotated[int, Field(gt=0)]


class TrainSettings(BaseModel):
    """One `train` block of the parameters: unknown names are errors, values are not coerced.

    batch: items of a batch; whoever makes the Batches reads it, the loop does not.
    epochs: at most so many. patience: epochs without a better validation loss before training stops.
    valid_every: epochs between validations (the last epoch is always validated).
    learning_rate: Adam's, reached after `warm_up` steps of linear growth (0: at once);
      "constant" stays there, "cosine" falls to 0 over all epochs.
    clip: largest norm of a player's gradient; 0 does not clip.
    """

    # The rules of parameters.Strict, stated again: parameters may import this file, never the reverse.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    batch: Positive
    epochs: Positive
    patience: Positive
    learning_rate: Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
    clip: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0
    warm_up: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["constant", "cosine"] = "constant"
    valid_every: Positive = 1
