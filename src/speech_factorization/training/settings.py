"""How long, how fast and on what a model is trained."""

from typing import Annotated, Literal

from pydantic import Field

from speech_factorization.strict import Strict

__all__ = ["Device", "Precision", "TrainSettings"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["fp32", "bf16"]
Positive = Annotated[int, Field(gt=0)]
Decay = Annotated[float, Field(ge=0.0, lt=1.0)]


class TrainSettings(Strict):
    """One `train` block of the parameters: unknown names are errors, values are not coerced.

    batch: items of a batch; whoever makes the Batches reads it, the loop does not.
    epochs: at most so many. patience: epochs without a better validation loss before training stops.
    valid_every: epochs between validations (the last epoch is always validated).
    learning_rate: Adam's, reached after `warm_up` steps of linear growth (0: at once);
      "constant" stays there, "cosine" falls to 0 over all epochs, "exponential" falls by `fall` after each epoch.
    clip: largest norm of a player's gradient; 0 does not clip.
    betas: decays of Adam's two moving averages; weight_decay: not part of the gradient (AdamW).
    """

    batch: Positive
    epochs: Positive
    patience: Positive
    learning_rate: Annotated[float, Field(gt=0.0)]
    clip: Annotated[float, Field(ge=0.0)] = 0.0
    warm_up: Annotated[int, Field(ge=0)] = 0
    schedule: Literal["constant", "cosine", "exponential"] = "constant"
    fall: Annotated[float, Field(gt=0.0, le=1.0)] = 0.999
    valid_every: Positive = 1
    betas: Annotated[list[Decay], Field(min_length=2, max_length=2)] = [0.9, 0.999]
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
