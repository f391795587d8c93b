"""Settings of the judges, as they stand in params.yaml under `judges`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
from speech_factorization.strict import Strict

__all__ = ["CnnSettings", "JudgeSettings", "MlpSettings", "NeighbourSettings", "VerificationSettings"]

Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class _Fitted(Strict):
    """What training by the loop needs."""

    epochs: Count
    batch: Count
    patience: Count
    learning_rate: Positive
    schedule: Literal["constant", "cosine"] = "cosine"

    def training(self) -> dict[str, Any]:
        """The fields the training loop's settings have, by their names there."""
        return {name: getattr(self, name) for name in _Fitted.model_fields}


class MlpSettings(_Fitted):
    """One hidden layer; `noise` is the sd of Gaussian noise on the standardised input."""

    epochs: Count = 5
    batch: Count = 128
    patience: Count = 3
    learning_rate: Positive = 1e-3
    hidden: Count = 256
    noise: NotNegative = 0.5
    dropout: Share = 0.5
    label_smoothing: Share = 0.05


class CnnSettings(_Fitted):
    """Two convolutions; up to `mask_frames` frames or `mask_bins` bins of a segment are hidden."""

    epochs: Count = 5
    batch: Count = 128
    patience: Count = 3
    learning_rate: Positive = 2e-3
    channels: Count = 32
    noise: NotNegative = 0.3
    mask_frames: Annotated[int, Field(ge=0)] = 4
    mask_bins: Annotated[int, Field(ge=0)] = 30
    dropout: Share = 0.3
    label_smoothing: Share = 0.05


class NeighbourSettings(Strict):
    """k-NN on log-mel; k and the metric's shrinkage are chosen from these lists on validation data."""

    bands: Count = 24
    neighbours: Annotated[list[Count], Field(min_length=1)] = [5, 10, 20, 40]
    shrinkages: Annotated[list[Positive], Field(min_length=1)] = [0.3, 1.0, 3.0, 30.0]


class VerificationSettings(_Fitted, SpeakerNetworkSettings):
    """The speaker-verification network."""

    epochs: Count = 10
    batch: Count = 32
    patience: Count = 10
    learning_rate: Positive = 2e-3


class JudgeSettings(Strict):
    """Everything under `judges`; `vowel` are those of the vowel judge, an MLP on pooled images."""

    mlp: MlpSettings = MlpSettings()
    cnn: CnnSettings = CnnSettings()
    knn: NeighbourSettings = NeighbourSettings()
    vowel: MlpSettings = MlpSettings(epochs=8, learning_rate=2e-3, hidden=128, noise=0.3)
    verification: VerificationSettings = VerificationSettings()
