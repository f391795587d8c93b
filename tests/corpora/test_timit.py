"""TIMIT in the form LDC distributes it, in both cases of letters."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speech_factorization.corpora.base import Label, Utterance, Word
from speech_factorization.corpora.timit import read
from speech_factorization.errors import InputError
from tests.corpora.trees import noise

TWO = {"fajw0": "TRAIN/DR2", "madc0": "TRAIN/DR3"}
MANY = {
    f"{sex}{letters}0": f"{part}/DR{region}"
    for region, letters in enumerate(("aaa", "bbb", "ccc", "ddd"), start=1)
    for sex, part in (("f", "TRAIN"), ("m", "TEST"))
} | TWO


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("folder", ["", "TIMIT", "timit/TIMIT"])
def test_both_cases_and_every_depth(
    timit: Callable[..., Path], parameters: Callable[..., object], upper: bool, folder: str
) -> None:
    source = timit(TWO, upper=upper, folder=folder)
    items = list(read(source, parameters("timit", sentences=["SX", "SI"]), 0, 1))
    assert all(isinstance(item, Utterance) for item in items)
    assert len(items) == 14
    first = next(item for item in items if isinstance(item, Utterance) and item.utterance == "fajw0_sx3")
    assert (first.speaker, first.sex, first.text) == ("fajw0", "F", "She.")
    np.testing.assert_array_equal(first.wave, noise(4800))
    assert first.labels == (
        Label("h#", 0, 800),
        Label("sh", 800, 2400),
        Label("iy", 2400, 4000),
        Label("h#", 4000, 4800),
    )
    assert first.words == (Word("she", 800, 4000),)


def test_sentences_are_selectable(timit: Callable[..., Path], parameters: Callable[..., object]) -> None:
    source = timit(TWO)

    def kinds(*sentences: str) -> set[str]:
        items = read(source, parameters("timit", sentences=sentences), 0, 1)
        return {item.utterance[6:8] for item in items}

    assert kinds("SX", "SI") == {"sx", "si"}
    assert kinds("SA") == {"sa"}
    assert kinds() == {"sa", "sx", "si"}
    with pytest.raises(InputError, match="no kind of sentence: SB; choose from SA, SX, SI"):
        kinds("SB")


def test_split_by_sentence(timit: Callable[..., Path], parameters: Callable[..., object]) -> None:
    items = list(read(timit(TWO), parameters("timit"), 0, 1))
    splits = {item.utterance[6:]: item.split for item in items if isinstance(item, Utterance)}
    assert splits == {
        "sa1": "train",
        "si700": "train",
        "si1330": "test",
        "sx3": "train",
        "sx93": "train",
        "sx183": "train",
        "sx273": "valid",
        "sx363": "test",
    }


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_always_has_fajw0_and_madc0(
    timit: Callable[..., Path], parameters: Callable[..., object], seed: int
) -> None:
    source = timit(MANY, sentences=("sx3",))
    items = list(read(source, parameters("timit", women=3, men=2), seed, 1))
    sexes = {item.speaker: item.sex for item in items if isinstance(item, Utterance)}
    assert sexes.keys() >= {"fajw0", "madc0"}
    assert sorted(sexes.values()) == ["F", "F", "F", "M", "M"]
    again = list(read(source, parameters("timit", women=3, men=2), seed, 1))
    assert [item.utterance for item in again] == [item.utterance for item in items]


def test_the_choice_follows_the_seed(timit: Callable[..., Path], parameters: Callable[..., object]) -> None:
    source = timit(MANY, sentences=("sx3",))
    choices = {
        tuple(item.utterance for item in read(source, parameters("timit", women=2, men=2), seed, 1))
        for seed in range(8)
    }
    assert len(choices) > 1


def test_speaker_split_is_disjoint_and_balanced(
    timit: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    items = list(read(timit(MANY), parameters("timit", women=5, men=5), 0, 1))
    parts: dict[str, set[str]] = {}
    for item in items:
        assert isinstance(item, Utterance)
        parts.setdefault(item.speaker, set()).add(item.speaker_split)
    assert all(len(own) == 1 for own in parts.values())
    held = [speaker for speaker, own in parts.items() if own == {"test"}]
    assert sorted(speaker[0] for speaker in held) == ["f", "m"]


def test_fewer_speakers_than_asked_for_are_all_taken(
    timit: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    items = list(read(timit(MANY, sentences=("sx3",)), parameters("timit", women=20, men=20), 0, 1))
    assert len(items) == len(MANY)


def test_a_final_silence_is_clipped_to_the_audio(
    timit: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = timit(TWO, sentences=("sx3",))
    phn = source / "TIMIT/TRAIN/DR2/FAJW0/SX3.PHN"
    phn.write_text("0 800 h#\n800 4000 sh\n4000 5000 h#\n")
    first = next(iter(read(source, parameters("timit"), 0, 1)))
    assert isinstance(first, Utterance)
    assert first.labels[-1] == Label("h#", 4000, 4800)
