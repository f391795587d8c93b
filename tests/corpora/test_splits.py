"""Speakers are split fairly and always alike."""

import pytest

from speech_factorization.corpora.splits import split_speakers
from speech_factorization.errors import InputError

SPEAKERS = {f"{sex}{number:02d}": sex for sex in "FM" for number in range(20)}


def test_counts_and_half_women() -> None:
    splits = split_speakers(SPEAKERS, valid=4, test=8, seed=0)
    assert list(splits) == list(SPEAKERS)
    for split, women in (("train", 14), ("valid", 2), ("test", 4)):
        chosen = [speaker for speaker, own in splits.items() if own == split]
        assert len(chosen) == 2 * women
        assert sum(SPEAKERS[speaker] == "F" for speaker in chosen) == women


def test_order_of_the_speakers_does_not_matter_but_the_seed_does() -> None:
    splits = split_speakers(SPEAKERS, 4, 8, seed=3)
    backwards = dict(reversed(SPEAKERS.items()))
    assert split_speakers(backwards, 4, 8, seed=3) == splits
    assert split_speakers(SPEAKERS, 4, 8, seed=4) != splits


def test_unequal_sexes_fill_up_from_what_is_left() -> None:
    sex_of = {"a": "F", "b": "M", "c": "M", "d": "M", "e": "M"}
    splits = split_speakers(sex_of, valid=1, test=2, seed=0)
    assert sorted(splits.values()) == ["test", "test", "train", "train", "valid"]
    assert splits["a"] == "test"


def test_somebody_must_be_left_to_train() -> None:
    with pytest.raises(InputError, match="3 speakers cannot give 1 to valid and 2 to test"):
        split_speakers({"a": "F", "b": "M", "c": ""}, valid=1, test=2, seed=0)
