"""Flat, shifted and swapped F0, with a toy that obeys and with one that keeps the old contour."""

import json

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import pitch_conversion
from tests.resynthesis.speaking import Deaf, Toy, material


@pytest.fixture(scope="module", params=[True, False], ids=["Hz", "codes"])
def changed(request):
    return pitch_conversion.run(Toy(request.param), material(), seed=0, limit=3, semitones=3.0)


def test_a_model_that_obeys(changed) -> None:
    found = changed.numbers["pitch_conversion"]
    assert found["utterances"] == 3
    for name in ("reconstruction", "flatten", "shift", "swap"):
        assert found[name]["ffe"] < 0.15
        assert found[name]["f0_rmse_cents"] < 100
        assert found[name]["cosine"] > 0.95
        assert found[name]["phone_error"] <= 0.25
    assert found["flatten"]["spread_semitones"] < 0.4 < found["reconstruction"]["spread_semitones"]
    assert (
        found["reconstruction"]["correlation_original"] > 0.9 > 0.5 > found["flatten"]["correlation_original"]
    )
    assert found["shift"]["semitones"] == 3
    assert found["shift"]["reached_semitones"] == pytest.approx(3, abs=0.2)
    assert found["swap"]["ffe_original"] > found["swap"]["ffe"] + 0.05
    json.dumps(changed.numbers, allow_nan=False)


def test_one_that_keeps_the_old_contour() -> None:
    found = pitch_conversion.run(Deaf(), material(), seed=0, limit=3, semitones=3.0).numbers[
        "pitch_conversion"
    ]
    assert found["shift"]["reached_semitones"] == pytest.approx(0)
    assert all(found[name]["ffe_original"] == 0 for name in ("flatten", "shift", "swap"))
    assert found["flatten"]["correlation_original"] == pytest.approx(1)
    assert found["shift"]["f0_rmse_cents"] == pytest.approx(300, abs=1)
    assert found["flatten"]["spread_semitones"] == found["reconstruction"]["spread_semitones"] > 0.4


def test_figure_and_sounds(changed) -> None:
    assert list(changed.figures) == ["pitch_conversion"]
    names = ("source", "reconstruction", "flatten", "shift_up", "shift_down", "swap")
    assert set(changed.sounds) == {f"pitch_{name}" for name in names}
    assert not np.array_equal(changed.sounds["pitch_shift_up"], changed.sounds["pitch_shift_down"])


def test_whispered_utterances_are_left_out() -> None:
    there = material()
    silent = {name: np.zeros_like(f0) if name.startswith("dan") else f0 for name, f0 in there.f0.items()}
    found = pitch_conversion.run(Toy(), material(f0=silent), seed=0, limit=3).numbers["pitch_conversion"]
    assert found["utterances"] == 2
    none = {name: np.zeros_like(f0) for name, f0 in there.f0.items()}
    with pytest.raises(InputError, match="no utterance with a voiced frame"):
        pitch_conversion.run(Toy(), material(f0=none), seed=0)


def test_a_lone_utterance_is_swapped_for_itself_backwards() -> None:
    there = material()
    alone = material(
        table=there.table[(there.table["speaker_split"] != "test") | (there.table["utterance"] == "dan_two")]
    )
    found = pitch_conversion.run(Toy(), alone, seed=0, limit=1).numbers["pitch_conversion"]
    assert found["swap"]["ffe"] < 0.2
    # No other utterance of its own to be compared with.
    assert "cosine" not in found["swap"]
