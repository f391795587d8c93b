"""What a network that tells speakers apart is made of and learns from."""

from typing import Annotated

from pydantic import Field

from speech_factorization.strict import Strict

__all__ = ["SpeakerNetworkSettings"]

Count = Annotated[int, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class SpeakerNetworkSettings(Strict):
    """TDNN with statistics pooling and an additive angular margin.

    crop: samples at 16 kHz; speeds: every training speaker played faster or slower counts as one more.
    """

    channels: Count = 192
    dimensions: Count = 256
    bands: Count = 40
    margin: NotNegative = 0.2
    scale: Positive = 30.0
    crop: Annotated[int, Field(ge=8000)] = 24_000
    speeds: list[Annotated[float, Field(ge=0.5, le=2.0)]] = [0.9, 1.1]
