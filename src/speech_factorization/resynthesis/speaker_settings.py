"""How a voice is described, as it stands in params.yaml under `speaker`."""

from typing import Annotated, Literal

from pydantic import Field

from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
from speech_factorization.strict import Strict
from speech_factorization.training.settings import TrainSettings

__all__ = ["SpeakerSettings"]


class SpeakerSettings(Strict):
    """Everything under `speaker`; seed: of the network's weights and crops (not the judges': it is no judge).

    type: `network` hears any recording, of an unseen speaker too; `table` has one vector for each of the corpus's
    speakers, learned from their training utterances, and knows no other.
    """

    seed: Annotated[int, Field(ge=0)]
    type: Literal["network", "table"]
    network: SpeakerNetworkSettings
    training: TrainSettings
