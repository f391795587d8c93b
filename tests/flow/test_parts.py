"""Parts: their sizes, and what is refused."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.flow.parts import MINIMUM, check_counts, slices

FACTORS = {"phone": list("abcd"), "speaker": list("xyz"), "channel": ["one"]}


@pytest.mark.parametrize(
    ("sizes", "share", "expected"),
    [
        ({}, False, {}),
        ({"phone": None, "speaker": None}, False, {"phone": (0, 3), "speaker": (3, 5)}),
        ({"speaker": None, "phone": 5}, False, {"phone": (0, 5), "speaker": (5, 7)}),
        ({"phone": None, "speaker": None}, True, {"phone": (0, 5), "speaker": (5, 10)}),
        ({"phone": 10}, False, {"phone": (0, 10)}),
    ],
)
def test_parts_stand_one_after_the_other(sizes, share, expected):
    found = slices(sizes, FACTORS, 10, share, "hp.fdnf")
    assert {name: (part.start, part.stop) for name, part in found.items()} == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"phone": 8, "speaker": None}, r"phone 8 \+ speaker 2 = 10 dimensions, of 9 there are"),
        ({"emotion": None}, "no factor emotion .*phone, speaker, channel.*corpus.factors"),
        ({"channel": None}, "channel has fewer than two classes"),
    ],
)
def test_what_does_not_fit_is_refused(sizes, said):
    with pytest.raises(InputError, match=rf"^hp\.fdnf: .*{said}"):
        slices(sizes, FACTORS, 9, False, "hp.fdnf")


def test_too_few_segments_of_a_class_are_named_with_the_minimum():
    enough = {"phone": torch.tensor([9.0, MINIMUM, 7.0, 8.0])}
    check_counts(enough, FACTORS, "hp.fdnf")
    fewer = {"phone": torch.tensor([9.0, 5.0, MINIMUM - 1.0, 8.0])}
    with pytest.raises(
        InputError, match=f"phone c has {MINIMUM - 1} training segments, the minimum is {MINIMUM}"
    ):
        check_counts(fewer, FACTORS, "hp.fdnf")
    with pytest.raises(InputError, match="no training segment has a label of speaker"):
        check_counts({"speaker": torch.zeros(3)}, FACTORS, "hp.fdnf")
