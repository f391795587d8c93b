"""Probes of units find what was put in, and nothing where there is nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from speech_factorization.evaluation.experiments import units
from speech_factorization.evaluation.experiments.units import Material, frame_phones, run, windows

HOP = 320
PHONES = ["a", "b", "c", "sil"]
CODES = 8
UNITS = 60  # of an utterance
LENGTH = 5  # units of a phone


def corpus(seed: int = 0) -> tuple[Material, dict[str, np.ndarray], dict[str, np.ndarray]]:  # type: ignore[type-arg]
    """Ten speakers' utterances: phones of 100 ms each, their number every hop, and F0 that goes up and down."""
    rng = np.random.default_rng(seed)
    utterances, labels, phones, f0 = [], [], {}, {}
    for s in range(10):
        for k in range(8):
            name = f"s{s}_{k}"
            split = ["train"] * 5 + ["valid", "test", "test"]
            speakers = ["train"] * 6 + ["valid"] * 2 + ["test"] * 2
            utterances.append((name, f"s{s}", split[k], speakers[s]))
            said = rng.integers(0, 4, UNITS // LENGTH)
            for i, phone in enumerate(said):
                labels.append((name, PHONES[phone], i * LENGTH * HOP, (i + 1) * LENGTH * HOP))
            phones[name] = np.repeat(said, LENGTH)
            melody = rng.normal(0, 0.2, UNITS // LENGTH).repeat(LENGTH * 4)
            f0[name] = np.where(rng.random(UNITS * 4) < 0.8, (90 + 10 * s) * np.exp(melody), 0).astype(
                np.float32
            )
    table = pd.DataFrame(utterances, columns=["utterance", "speaker", "split", "speaker_split"])
    alignment = pd.DataFrame(labels, columns=["utterance", "phone", "begin", "end"])
    return Material(table, alignment, "sil", f0, 2000, 0), phones, f0


def test_units_of_phones_tell_phones_and_nothing_else() -> None:
    material, phones, _ = corpus()
    found, chance, lacking = run(phones, CODES, HOP, material)
    assert lacking == {}
    assert found["pnmi"] == pytest.approx(1)
    assert found["phone_purity"] == 1
    assert found["phone_accuracy"] > 0.97
    assert chance["phone_accuracy"] == pytest.approx(1 / 3)
    assert chance["speaker_accuracy"] == pytest.approx(0.1)
    assert found["speaker_accuracy"] < 0.35
    assert abs(found["f0_r2"]) < 0.1
    assert found["f0_accuracy"] < 0.2
    assert found["usage"] == 0.5
    assert found["nominal_bits_per_second"] == 150
    # A phone is as the one before it in a quarter of the cases.
    assert found["runs_per_second"] == pytest.approx(50 / LENGTH * 0.77, rel=0.1)


def test_units_of_speakers_tell_speakers() -> None:
    material, phones, _ = corpus()
    of_speaker = {name: np.full(UNITS, int(name[1]) % CODES) for name in phones}
    found, _, _ = run(of_speaker, CODES, HOP, material)
    assert found["speaker_accuracy"] > 0.7
    assert found["pnmi"] < 0.1
    assert found["phone_accuracy"] < 0.5


def test_units_of_f0_tell_f0() -> None:
    material, _, f0 = corpus()
    log = {name: np.log(np.where(x > 0, x, np.nan).reshape(UNITS, 4)) for name, x in f0.items()}
    melody = {
        name: np.nanmean(np.nan_to_num(x, nan=np.nanmean(x)), 1) - np.nanmean(x) for name, x in log.items()
    }
    of_f0 = {name: np.digitize(x, np.linspace(-0.3, 0.3, CODES - 1)) for name, x in melody.items()}
    found, _, _ = run(of_f0, CODES, HOP, material)
    assert found["f0_r2"] > 0.6
    assert found["f0_accuracy"] > 0.3
    assert found["pnmi"] < 0.1


def test_what_cannot_be_read_is_said() -> None:
    material, phones, _ = corpus()
    found, chance, lacking = run(
        phones, CODES, HOP, replace(material, alignment=material.alignment[:0], f0=None)
    )
    assert set(lacking) == {"phone", "f0"}
    assert "no labelled utterances" in lacking["phone"]
    assert lacking["f0"] == "F0 has not been tracked"
    assert "pnmi" not in found
    assert set(chance) == {"speaker_accuracy"}
    silent = {name: np.zeros_like(x) for name, x in (material.f0 or {}).items()}
    assert "too little voiced speech" in run(phones, CODES, HOP, replace(material, f0=silent))[2]["f0"]
    table = material.utterances.assign(split="test")
    assert "no two speakers" in run(phones, CODES, HOP, replace(material, utterances=table))[2]["speaker"]


def test_half_of_the_utterances_may_lack_labels() -> None:
    material, phones, _ = corpus()
    labelled = material.alignment[material.alignment["utterance"].str.endswith(("0", "2", "4", "6"))]
    found, _, lacking = run(phones, CODES, HOP, replace(material, alignment=labelled))
    assert lacking == {}
    assert found["phone_accuracy"] > 0.9


def test_the_phone_of_a_unit_is_that_in_its_middle() -> None:
    rows = pd.DataFrame({"phone": ["a", "b", "c"], "begin": [100, 479, 1500], "end": [479, 1200, 1700]})
    # Middles: 160, 480, 800, 1120, 1440, 1760.
    assert frame_phones(rows, 6, HOP).tolist() == ["a", "b", "b", "b", None, None]


def test_a_window_is_the_units_around() -> None:
    stream = np.arange(40) % CODES
    for hop, apart in ((320, 1), (160, 2)):
        found = windows(stream, np.array([20 * 160 + 5]), CODES, hop).reshape(11, CODES)
        middle = (20 * 160 + 5) // hop
        assert found.argmax(1).tolist() == [(middle + apart * k) % CODES for k in range(-5, 6)]
        assert (found.sum(1) == 1).all()
    ends = windows(stream, np.array([0, 40 * HOP]), CODES, HOP).reshape(2, 11, CODES).argmax(2)
    assert ends.tolist() == [[0] * 5 + [0, 1, 2, 3, 4, 5], [3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7]]


def test_no_more_is_learned_from_than_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    material, phones, _ = corpus()
    seen: list[int] = []
    mlp = units.probes.mlp

    def watched(train: Any, *more: Any) -> Any:
        seen.append(len(train))
        return mlp(train, *more)

    monkeypatch.setattr(units.probes, "mlp", watched)
    run(phones, CODES, HOP, replace(material, limit=100))
    assert seen == [100]
