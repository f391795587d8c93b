"""The curve over the scale of the shift, on data whose answer is known."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from speech_factorization.evaluation.experiments import strength
from speech_factorization.interfaces import Batch, Data

DATA = Data({"phone": ("a", "i"), "speaker": ("f", "m")}, (20, 200))
MEANS = {name: torch.tensor([[0.0, 0.0], [1.0, 0.0]]) for name in ("phone", "speaker")}


class Halved(nn.Module):
    """z: the phone's and the speaker's level; decoding halves both."""

    inputs = ("segments",)

    def encode(self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None):
        return {"z": x[:, :2, 0]}

    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        x = torch.zeros(len(codes["z"]), 20, 200)
        x[:, :2] = codes["z"][:, :, None] / 2
        return x


class Level:
    """p(class 1) is the level of frame 0 for the phone, of frame 1 for the speaker."""

    def posterior(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        return {
            name: torch.stack([1 - x[:, i, 0], x[:, i, 0]], 1) for i, name in enumerate(("phone", "speaker"))
        }


def test_the_curve_by_hand() -> None:
    x = torch.zeros(1, 20, 200)
    x[:, 1] = 1.0
    batch = Batch(x, torch.tensor([20]), {"phone": torch.tensor([0]), "speaker": torch.tensor([1])}, ("u",))
    judges = {"mlp": Level(), "knn": Level()}
    outcome = strength.run(Halved(), MEANS, [batch], judges, DATA, 0, [0.0, 0.85, 1.0])
    phone = outcome.numbers["manipulation_strength"]["phone"]
    assert set(phone) == {"mlp"}
    # The phone goes from 0 to b / 2; the speaker loses half of its 1 at any b.
    assert [phone["mlp"][key]["delta_target"] for key in ("b000", "b085", "b100")] == pytest.approx(
        [0, 0.425, 0.5]
    )
    assert [phone["mlp"][key]["delta_other"] for key in ("b000", "b085", "b100")] == pytest.approx([-0.5] * 3)
    assert list(outcome.figures) == ["strength"]
    assert len(outcome.figures["strength"].axes) == 4


def test_keys_have_no_dots() -> None:
    assert [strength.key(b) for b in (0.0, 0.5, 0.85, 1.0, 1.15, 2)] == [
        "b000",
        "b050",
        "b085",
        "b100",
        "b115",
        "b200",
    ]
