"""What content units are made by, as it stands in params.yaml under `units`."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from speech_factorization.strict import Strict
from speech_factorization.training.settings import TrainSettings

__all__ = [
    "CPCSettings",
    "HubertSettings",
    "Input",
    "KMeansSettings",
    "UnitsSettings",
    "UnitType",
    "VQVAESettings",
]

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Codes = Annotated[int, Field(ge=2, le=2**15)]

UnitType = Literal["kmeans", "vqvae", "cpc", "hubert"]
Input = Literal["wave", "mel", "normalised"]
"""A network's input: the wave, log-mel bands, or these normalised for the length of the vocal tract."""


class KMeansSettings(Strict):
    """k-means on vocal-tract-normalised cepstra."""

    codes: Codes = 100


class VQVAESettings(TrainSettings):
    """VQ-VAE: an encoder, a codebook, a decoder that says what is heard around; and its training (TrainSettings).

    width: of a code; channels, depth: of the convolutions between strides and how many follow each other; reach:
    how many ms before and behind a unit's middle are decoded from it; decay, commitment, restart: of the codebook
    (`resynthesis.quantiser`); crop: samples of a training item.
    """

    input: Input = "normalised"
    codes: Codes = 100
    width: Count = 64
    hop: Literal[160, 320] = 320
    channels: Count = 128
    depth: Count = 2
    reach: Annotated[int, Field(ge=0, multiple_of=10)] = 20
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.9
    commitment: NotNegative = 0.25
    restart: NotNegative = 2.0
    epochs: Count = 8
    batch: Count = 32
    patience: Count = 8
    learning_rate: Positive = 2e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    crop: Annotated[int, Field(gt=0, multiple_of=320)] = 16_000


class CPCSettings(TrainSettings):
    """Contrastive predictive coding and its training (TrainSettings); then k-means on what the network knows.

    channels: of the encoder; context: of the GRU; steps: how many frames ahead are told from the others; crop:
    samples of a training item.
    """

    input: Input = "normalised"
    codes: Codes = 100
    channels: Count = 64
    context: Count = 64
    steps: Count = 6
    epochs: Count = 4
    batch: Count = 16
    patience: Count = 4
    learning_rate: Positive = 4e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    crop: Annotated[int, Field(gt=0, multiple_of=160)] = 20_480

    @model_validator(mode="after")
    def _long_enough(self) -> "CPCSettings":
        if self.crop // 160 <= self.steps:
            raise ValueError(f"a crop of {self.crop} samples has no {self.steps} frames ahead")
        return self


class HubertSettings(Strict):
    """k-means on a layer of HuBERT. weights: a file (safetensors or torch), or empty to download them."""

    weights: str = ""
    layer: Count = 6
    codes: Codes = 100


class UnitsSettings(Strict):
    """Which types of units are made, and how; seed: of weights, crops and k-means.

    types: prepared/units/TYPE of each; duplicates: whether an archive of codes holds one per hop, or of equal ones
    in a row the first with how many they are; minutes: of training speech k-means and warps are fitted to at most;
    probes: from how many training items classes are read at most.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    types: Annotated[list[UnitType], Field(min_length=1)] = ["kmeans", "vqvae", "cpc"]
    duplicates: Literal["kept", "removed"] = "kept"
    minutes: Annotated[float, Field(gt=0)] = 120.0
    probes: Annotated[int, Field(ge=100)] = 10_000
    kmeans: KMeansSettings = KMeansSettings()
    vqvae: VQVAESettings = VQVAESettings()
    cpc: CPCSettings = CPCSettings()
    hubert: HubertSettings = HubertSettings()

    @field_validator("types")
    @classmethod
    def _distinct(cls, types: list[UnitType]) -> list[UnitType]:
        if len(set(types)) < len(types):
            raise ValueError("name each type once")
        return types
