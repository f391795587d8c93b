"""Whole utterances given another speaker, heard by a judge of loudness."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from speech_factorization.evaluation.experiments import utterances
from speech_factorization.evaluation.experiments.picture import Choice
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.interfaces import Data
from tests.evaluation.experiments.toys import Louder

SPEAKERS = ("ann", "bea", "cy")
DATA = Data({"phone": ("aa", "iy"), "speaker": SPEAKERS}, (20, 200))


class Ear:
    """p(bea) is whether the utterance's spectrogram tilts up, p(cy) down; every phone is aa."""

    def posterior_of_sound(self, wave: Tensor, centres: Tensor) -> dict[str, Tensor]:
        x = segment_spectrogram(wave, centres)
        tilt = (x[:, :, 150:].mean((1, 2)) - x[:, :, :50].mean((1, 2))) / 2
        p = torch.softmax(torch.stack([torch.zeros_like(tilt), 20 * tilt - 10, -20 * tilt - 10], 1), 1)
        return {"speaker": p, "phone": torch.tensor([1.0, 0.0]).expand(len(x), 2)}


def waves(utterance: str) -> np.ndarray:
    rng = np.random.default_rng(len(utterance))
    return rng.normal(0, 0.1, 16_000 + 100 * int(utterance[1:])).astype(np.float32)


def table(count: int) -> pd.DataFrame:
    rows = [
        (f"u{i}", "ann", ("aa", "iy")[k % 2], 3000 * k + 1000, 3000 * k + 2500, 3000 * k + 1750)
        for i in range(count)
        for k in range(5)
    ]
    return pd.DataFrame(rows, columns=["utterance", "speaker", "phone", "begin", "end", "centre"])


def means() -> dict[str, Tensor]:
    tilt = torch.linspace(-1, 1, 200).expand(20, 200).flatten()
    return {"phone": torch.zeros(2, 4000), "speaker": torch.stack([0 * tilt, tilt, -tilt])}


def run(limit: int, model: Louder | None = None, seed: int = 0):
    rows = table(6)
    last = rows[rows["utterance"] == "u3"]
    choice = Choice(last.iloc[[0]], last[last["phone"] == "aa"], {"phone": "iy", "speaker": "bea"})
    return utterances.run(model or Louder(), means(), rows, waves, {"mlp": Ear()}, DATA, seed, choice, limit)


def test_the_judges_hear_the_target_speaker() -> None:
    outcome = run(limit=4)
    found = outcome.numbers["manipulation_of_utterances"]["speaker"]["mlp"]
    assert set(found) == {"original_phase", "griffin_lim"}
    for phase in found.values():
        assert phase["p_target_before"] < 0.01
        assert phase["delta_target"] > 0.9
        # Every other segment is an iy, which this judge does not know.
        assert phase["p_other_before"] == pytest.approx(0.6)
        assert phase["delta_other"] == pytest.approx(0, abs=1e-6)


def test_without_a_shift_nothing_changes() -> None:
    class Deaf(Louder):
        parts = {"speaker": slice(0, 0)}

    found = run(limit=2, model=Deaf()).numbers["manipulation_of_utterances"]["speaker"]["mlp"]
    assert found["original_phase"]["delta_target"] == pytest.approx(0, abs=1e-4)


def test_sounds_and_figure_of_the_chosen_utterance() -> None:
    outcome = run(limit=1)
    kinds = ("utterance_original", "utterance_speaker", "utterance_phone")
    assert set(outcome.sounds) == {*kinds, "utterance_speaker_griffin_lim", "utterance_phone_griffin_lim"}
    assert {len(sound) for sound in outcome.sounds.values()} == {len(waves("u3"))}
    original, changed = outcome.sounds["utterance_original"], outcome.sounds["utterance_phone"]
    assert np.allclose(original, changed, atol=1e-5)  # the phones' means are equal
    assert not np.allclose(original, outcome.sounds["utterance_speaker"], atol=0.01)
    assert [ax.get_title() for ax in outcome.figures["utterance"].axes[:3]] == [
        "u3, original",
        "phone aa to iy",
        "speaker ann to bea",
    ]


def test_utterances_are_spread_and_results_seeded() -> None:
    assert list(dict.fromkeys(utterances._spread(table(6), 3)["utterance"])) == ["u0", "u2", "u4"]
    assert utterances._spread(table(6), 0)["utterance"].nunique() == 6
    assert run(3).numbers == run(3).numbers
