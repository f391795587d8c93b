"""How F0 is tracked and coded, as it stands in params.yaml under `pitch`."""

from typing import Annotated, Literal

from pydantic import Field

from speech_factorization.strict import Strict
from speech_factorization.training.settings import TrainSettings

__all__ = ["CoderSettings", "PitchSettings", "Tracker"]

Tracker = Literal["dio", "harvest", "yaapt"]
Count = Annotated[int, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class CoderSettings(Strict):
    """The F0 VQ-VAE.

    codes, dimensions: of the codebook; width: channels; depth: residual blocks at each of the four time scales,
    their dilations 1, 3, 9 ...; decay: of the codebook's moving averages; restart: vectors a step, by
    its moving average, under which a code starts again; commitment: its weight; voicing: the weight of the
    cross-entropy of voicing against the squared error of normalised log F0.
    """

    codes: Annotated[int, Field(ge=2)] = 20
    dimensions: Count = 128
    width: Count = 32
    depth: Annotated[int, Field(ge=0)] = 4
    decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    restart: NotNegative = 1.0
    commitment: NotNegative = 0.02
    voicing: NotNegative = 1.0


class PitchTraining(TrainSettings):
    """frames: of a training segment, at 5 ms; whole codes of 16 frames. segments: of an epoch, drawn anew for each."""

    frames: Annotated[int, Field(gt=0, multiple_of=16)] = 208
    segments: Count


class PitchSettings(Strict):
    """Everything under `pitch`; seed: of the coder's weights and crops."""

    seed: Annotated[int, Field(ge=0)]
    tracker: Tracker
    coder: CoderSettings
    training: PitchTraining
