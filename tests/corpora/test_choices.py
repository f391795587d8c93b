"""Splits and choices where neither sexes nor texts are certain."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_factorization.corpora.choices import choose_anyone, plain, split_texts
from speech_factorization.errors import InputError

SAID = st.dictionaries(
    st.sampled_from("abcdef"), st.lists(st.sampled_from("PQRSTUVWXYZ"), min_size=1, max_size=30), max_size=6
)


@given(SAID, st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_every_text_has_one_split_whatever_the_order(said: dict[str, list[str]], seed: int) -> None:
    splits = split_texts(said, seed)
    assert splits.keys() == {text for texts in said.values() for text in texts}
    assert split_texts({who: said[who][::-1] for who in reversed(said)}, seed) == splits


@pytest.mark.parametrize(
    ("count", "valid", "test"), [(1, 0, 0), (2, 0, 0), (3, 1, 1), (10, 1, 2), (40, 4, 8)]
)
def test_own_texts_are_shared_out_within_each_speaker(count: int, valid: int, test: int) -> None:
    said = {who: [f"{who}{number}" for number in range(count)] for who in ("anna", "bob")}
    splits = split_texts(said, 0)
    for who, texts in said.items():
        counts = Counter(splits[text] for text in texts)
        assert (counts["valid"], counts["test"]) == (valid, test), who


def test_texts_said_by_all_are_on_one_side_for_all() -> None:
    said = {who: [f"text {number}" for number in range(20)] for who in ("anna", "bob")}
    assert Counter(split_texts(said, 0).values()) == {"train": 14, "valid": 2, "test": 4}


def test_own_texts_fill_up_what_the_shared_ones_leave() -> None:
    shared = ["a", "b"]
    said = {"anna": [*shared, *map(str, range(8))], "bob": [*shared, *map(str, range(10, 18))]}
    splits = split_texts(said, 0)
    for texts in said.values():
        assert Counter(splits[text] for text in texts) == {"train": 7, "valid": 1, "test": 2}


def test_the_seed_decides() -> None:
    said = {"anna": [str(number) for number in range(20)]}
    assert len({tuple(sorted(split_texts(said, seed).items())) for seed in range(5)}) == 5


SPEAKERS_OWN = st.dictionaries(
    st.sampled_from("abc"), st.lists(st.integers(0, 6), min_size=1, max_size=40), min_size=1
)


@given(SPEAKERS_OWN, st.lists(st.sampled_from("xyz"), max_size=5), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_three_texts_of_ones_own_are_enough_for_every_side(
    own: dict[str, list[int]], shared: list[str], seed: int
) -> None:
    """However often each is said."""
    splits = split_texts({who: [f"{who}{one}" for one in texts] + shared for who, texts in own.items()}, seed)
    for who, texts in own.items():
        if len(set(texts)) >= 3:
            sides = {splits[text] for text in [*(f"{who}{one}" for one in texts), *shared]}
            assert sides == {"train", "valid", "test"}


def test_shares_are_of_utterances() -> None:
    said = {"anna": [text for text in "abcdefghij" for _ in range(10)]}
    assert Counter(split_texts(said, 0).values()) == {"train": 7, "valid": 1, "test": 2}


def test_two_texts_that_all_say_train() -> None:
    assert set(split_texts({"anna": ["a", "b"], "bob": ["a", "b"]}, 0).values()) == {"train"}
    three = split_texts({"anna": ["a", "b", "c"], "bob": ["a", "b", "c"]}, 0)
    assert set(three.values()) == {"train", "valid", "test"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("  Oh\tYES ", "oh yes"),
        ("Hello, world.", "hello world"),
        ("\u201cHello\u201d \u2014 world!", "hello world"),
        ("Fu\u0308r", "F\u00fcr"),
        ("STRASSE", "stra\u00dfe"),
        ("don\u2019t", "don't"),
        ("\ufb01ne", "fine"),
    ],
)
def test_how_a_text_is_written_makes_no_other(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("four", "for"), ("f\u00fcr", "fur"), ("\u0915\u093e", "\u0915\u093f"), ("...", "?!"), ("a b", "ab")],
)
def test_other_texts_stay_others(one: str, other: str) -> None:
    assert plain(one) != plain(other)


@given(st.text())
def test_plain_is_plain(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert bool(plain(text)) == bool(text.split())


def test_the_unknown_take_the_places_that_are_left() -> None:
    sexes = {"a": "F", "b": "M", "c": "", "d": "", "e": "F"}
    assert choose_anyone(sexes, 5, 5, 0) == sexes
    assert choose_anyone(sexes, 1, 0, 0).keys() < {"a", "e"}
    three = choose_anyone(sexes, 1, 2, 0)
    assert Counter(three.values()) == {"F": 1, "M": 1, "": 1}
    assert choose_anyone({"a": "F", "c": ""}, 0, 1, 0) == {"c": ""}
    assert len(choose_anyone({"c": "", "d": "", "g": ""}, 1, 1, 0)) == 2
    assert list(choose_anyone({"d": "", "c": "M"}, 1, 1, 0)) == ["c", "d"]


def test_nobody_left() -> None:
    with pytest.raises(InputError, match="nobody is left of 2 speakers"):
        choose_anyone({"a": "F", "c": ""}, 0, 0, 0)
    with pytest.raises(InputError, match="nobody is left of 1 speakers"):
        choose_anyone({"a": "F"}, 0, 3, 0)
