"""Identity: no parameters, z is the input itself; the row every other model has to beat.

Shifting by class means then is the shift of the log spectrogram itself; resynthesis is that of the original.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from speech_factorization.features.standardise import Standardise
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.strict import Strict

__all__ = ["Hyperparameters", "Model"]


class Hyperparameters(Strict):
    """None."""


class Model(nn.Module):
    """Segments [N, 20, 200]: z is x standardised and flattened, [N, 4000]. Utterances [B, T, F]: z is x."""

    inputs: ClassVar[tuple[Inputs, ...]] = ("segments", "utterances")
    likelihood_of: ClassVar[str] = "none"

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__()
        self.shape = data.shape
        self.standardise = Standardise(data.shape)

    def encode(
        self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """z of x; segments are told from utterances by their shape."""
        return {"z": self.standardise(x).flatten(1) if x.shape[1:] == self.shape else x}

    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """x of z."""
        z = codes["z"]
        return self.standardise.inverse(z.view(-1, *self.shape)) if z.dim() == 2 else z

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Fit the standardisation of segments; batches of utterances have none."""
        if len(self.shape) == 2:
            self.standardise.fit(batches)

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Nothing is lost."""
        return {"loss": batch.x.new_zeros(())}

    def after_step(self) -> None:
        """Nothing to do."""
