"""Units' metrics are what they are by hand."""

import math

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import units


def integers(*values: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.array(values, np.int64)


def test_units_that_are_the_phones_tell_all_of_them() -> None:
    phones = integers(0, 0, 1, 2, 2, 2)
    assert units.of_phones(phones, 7 - phones) == {"pnmi": pytest.approx(1), "phone_purity": 1}
    # Two units for one phone tell no less.
    assert units.pnmi(phones, integers(5, 6, 1, 2, 2, 3)) == pytest.approx(1)


def test_units_that_know_nothing_tell_nothing() -> None:
    phones, same = integers(0, 0, 1, 1), integers(3, 3, 3, 3)
    assert units.of_phones(phones, same) == {"pnmi": 0, "phone_purity": 0.5}
    assert units.pnmi(phones, integers(0, 1, 0, 1)) == pytest.approx(0, abs=1e-12)
    assert units.pnmi(same, phones) == 0


def test_phones_by_hand() -> None:
    # Unit 0: phones a, a, b; unit 1: b, b. H(phone) = H(2/5), H(phone | unit) = 3/5 H(1/3).
    phones, found = integers(0, 0, 1, 1, 1), integers(0, 0, 0, 1, 1)

    def entropy(p: float) -> float:
        return -p * math.log(p) - (1 - p) * math.log(1 - p)

    assert units.pnmi(phones, found) == pytest.approx(1 - 0.6 * entropy(1 / 3) / entropy(0.4))
    assert units.phone_purity(phones, found) == pytest.approx(4 / 5)


def test_bits_by_hand() -> None:
    # Codes 0 1 0 1 | 2 2: half of a bit less than even; what follows 0 and 2 is certain, and so is 1's.
    streams = [integers(0, 1, 0, 1), integers(2, 2)]
    found = units.bits_per_second(streams, codes=4, rate=50)
    assert found["nominal_bits_per_second"] == pytest.approx(100)
    assert found["unigram_bits_per_second"] == pytest.approx(50 * math.log2(3))
    assert found["conditional_bits_per_second"] == pytest.approx(0, abs=1e-9)
    assert units.usage(streams, 4) == 0.75
    assert units.perplexity(streams, 4) == pytest.approx(3)
    assert units.runs_per_second(streams, 50) == pytest.approx(50 * 5 / 6)


def test_conditional_bits_by_hand() -> None:
    # After 0: 1, 1, 2 (H = .918 bits); after 1: 0, 0 (certain); the last code is before nothing.
    streams = [integers(0, 1, 0, 1, 0, 2)]
    wanted = 3 / 5 * (-(2 / 3) * math.log2(2 / 3) - (1 / 3) * math.log2(1 / 3))
    assert units.bits_per_second(streams, 3, 1)["conditional_bits_per_second"] == pytest.approx(wanted)


def test_neighbours_are_of_one_utterance() -> None:
    apart = [integers(0, 0), integers(1, 1)]
    assert units.bits_per_second(apart, 2, 1)["conditional_bits_per_second"] == pytest.approx(0, abs=1e-12)
    together = [np.concatenate(apart)]
    assert units.bits_per_second(together, 2, 1)["conditional_bits_per_second"] > 0.5
    assert units.bits_per_second([integers(1), integers(0)], 2, 1)["conditional_bits_per_second"] == 0


def test_a_single_code_takes_nothing() -> None:
    streams = [integers(3, 3, 3)]
    assert units.perplexity(streams, 8) == 1
    assert units.usage(streams, 8) == 1 / 8
    assert units.bits_per_second(streams, 8, 10)["unigram_bits_per_second"] == 0
    assert units.runs_per_second([*streams, integers()], 30) == 10


@pytest.mark.parametrize(
    ("streams", "codes"), [([], 4), ([integers()], 4), ([integers(0, 4)], 4), ([integers(-1, 2)], 4)]
)
def test_streams_that_are_none(streams: list[np.ndarray], codes: int) -> None:  # type: ignore[type-arg]
    for metric in (units.usage, units.perplexity):
        with pytest.raises(InputError, match=f"not all from 0 to {codes - 1}"):
            metric(streams, codes)


def test_moments_that_do_not_match() -> None:
    for phones, found in ((integers(1, 2), integers(1)), (integers(), integers())):
        with pytest.raises(InputError, match="give two arrays"):
            units.pnmi(phones, found)
    with pytest.raises(InputError, match="no codes"):
        units.runs_per_second([], 50)
