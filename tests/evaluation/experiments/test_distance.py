"""Distances to real segments, by hand."""

import pytest
import torch
from torch import nn

from speech_factorization.evaluation.experiments import distance
from speech_factorization.evaluation.experiments.distance import DECIBEL
from speech_factorization.interfaces import Batch, Data

DATA = Data({"phone": ("a", "i"), "speaker": ("f", "m")}, (20, 200))


class Identity(nn.Module):
    inputs = ("segments",)

    def encode(self, x, lengths=None, generator=None):
        return {"z": x.flatten(1)}

    def decode(self, codes):
        return codes["z"].unflatten(1, (20, 200))


def batch(levels: list[float], phones: list[int], speakers: list[int], utterances: list[str]) -> Batch:
    x = torch.tensor(levels, dtype=torch.float32)[:, None, None].expand(-1, 20, 200).clone()
    factors = {"phone": torch.tensor(phones), "speaker": torch.tensor(speakers)}
    return Batch(x, torch.full((len(levels),), 20), factors, tuple(utterances))


def means(phone_step: float) -> dict[str, torch.Tensor]:
    phone = torch.stack([torch.zeros(4000), torch.full((4000,), phone_step)])
    return {"phone": phone, "speaker": torch.zeros(2, 4000)}


# Phone a at 0 and 1, phone i at 10 and 12; flat spectra, so distances are differences of levels.
TEST = [batch([0, 1, 10, 12], [0, 0, 1, 1], [0, 1, 0, 1], ["u", "v", "w", "x"])]


def test_distances_by_hand() -> None:
    found = distance.run(Identity(), means(9.5), TEST, DATA, seed=0).numbers["distance"]["phone"]
    # x' = 9.5, 10.5, .5, 2.5: to the target .5, .5, .5, 1.5
    # and to the source, itself left out, 8.5, 10.5, 11.5, 7.5.
    assert found["to_target"] == pytest.approx(3 / 4 * DECIBEL, rel=1e-4)
    assert found["to_source"] == pytest.approx(38 / 4 * DECIBEL, rel=1e-4)
    # The real ones: to the other of their class 1, 1, 2, 2; to the nearest of the other class 10, 9, 9, 11.
    assert found["real_to_own"] == pytest.approx(6 / 4 * DECIBEL, rel=1e-4)
    assert found["real_to_target"] == pytest.approx(39 / 4 * DECIBEL, rel=1e-4)
    assert found["nearer_target"] == 1.0


def test_without_a_shift_nothing_comes_nearer() -> None:
    found = distance.run(Identity(), means(0.0), TEST, DATA, seed=0).numbers["distance"]["phone"]
    assert found["to_target"] == found["real_to_target"]
    assert found["to_source"] == found["real_to_own"]
    assert found["nearer_target"] == 0.0


def test_the_segments_own_utterance_is_left_out() -> None:
    test = [batch([0, 0.1, 5, 10], [0, 0, 0, 1], [0, 1, 0, 1], ["u", "u", "v", "w"])]
    found = distance.run(Identity(), means(0.0), test, DATA, seed=0).numbers["distance"]["phone"]
    # The phone-i segment has no other of its class: it is not counted. 0 and .1 are of one utterance.
    assert found["real_to_own"] == pytest.approx((5 + 4.9 + 4.9) / 3 * DECIBEL, rel=1e-4)


def test_needs_segments() -> None:
    class Utterances(Identity):
        inputs = ("utterances",)

    assert distance.needs(Identity()) is None
    assert distance.needs(Utterances()) == "takes no segments"
