"""Scores on cases worked out by hand."""

import pandas as pd
import pytest

from speech_factorization.alignment.score import distances, score, score_pauses
from speech_factorization.errors import InputError


def table(**utterances):
    """name=[(phone, begin ms, end ms), ...] as a table in samples."""
    rows = [
        (name, place, phone, begin * 16, end * 16)
        for name, spans in utterances.items()
        for place, (phone, begin, end) in enumerate(spans)
    ]
    return pd.DataFrame(rows, columns=["utterance", "position", "phone", "begin", "end"])


TRUTH = table(
    u=[
        ("sil", 0, 100),
        ("a", 100, 200),
        ("b", 200, 300),
        ("c", 300, 400),
        ("sil", 400, 500),
        ("d", 500, 600),
    ],
    v=[("a", 0, 100), ("b", 100, 200)],
)


def test_only_boundaries_between_sounding_units_count():
    found = table(
        u=[
            ("sil", 0, 0),
            ("a", 0, 205),
            ("b", 205, 315),
            ("c", 315, 316),
            ("sil", 316, 317),
            ("d", 317, 600),
        ],
        v=[("a", 0, 140), ("b", 140, 200)],
    )
    assert distances(found, TRUTH, {"sil"}).tolist() == [5, 15, 40]
    assert score(found, TRUTH, {"sil"}) == {
        "within_10ms": 1 / 3,
        "within_20ms": 2 / 3,
        "within_50ms": 1.0,
        "median_ms": 15.0,
        "boundaries": 3,
    }


def test_silence_counts_where_it_is_not_named():
    found = table(
        u=[
            ("sil", 0, 90),
            ("a", 90, 200),
            ("b", 200, 300),
            ("c", 300, 420),
            ("sil", 420, 530),
            ("d", 530, 600),
        ],
        v=[("a", 0, 100), ("b", 100, 200)],
    )
    assert distances(found, TRUTH, set()).tolist() == [-10, 0, 0, 20, 30, 0]


def test_a_limit_includes_its_end_and_a_truth_is_perfect():
    found = table(
        u=[
            ("sil", 0, 100),
            ("a", 100, 210),
            ("b", 210, 320),
            ("c", 320, 400),
            ("sil", 400, 500),
            ("d", 500, 600),
        ],
        v=[("a", 0, 50), ("b", 50, 200)],
    )
    result = score(found, TRUTH, {"sil"})
    assert (result["within_10ms"], result["within_20ms"], result["within_50ms"]) == (1 / 3, 2 / 3, 1.0)
    assert score(TRUTH, TRUTH, {"sil"})["within_10ms"] == 1.0


def test_absent_and_extra_pauses_do_not_shift_the_comparison():
    found = table(
        u=[
            ("sil", 0, 100),
            ("a", 100, 190),
            ("sil", 190, 207),
            ("b", 207, 300),
            ("c", 300, 500),
            ("d", 500, 600),
        ],
        v=[("a", 0, 100), ("sil", 100, 100), ("b", 100, 200)],
    )
    assert distances(found, TRUTH, {"sil"}).tolist() == [7, 0, 0]
    pauses = score_pauses(found, TRUTH, {"sil"})
    assert pauses == {"pauses": 1, "pauses_found": 1, "pause_precision": 0.0, "pause_recall": 0.0}
    assert score_pauses(TRUTH, TRUTH, {"sil"})["pause_recall"] == 1.0
    # A pause too short to be asked for is still no false one.
    assert score_pauses(TRUTH, TRUTH, {"sil"}, least_ms=101) == {
        "pauses": 0,
        "pauses_found": 1,
        "pause_precision": 1.0,
        "pause_recall": 1.0,
    }


def test_an_utterance_that_was_not_aligned_is_left_out():
    found = TRUTH[TRUTH["utterance"] == "v"]
    assert score(found, TRUTH, {"sil"})["boundaries"] == 1


def test_other_units_or_nothing_to_compare_are_errors():
    with pytest.raises(InputError, match="unit 1 is b in truth"):
        score(table(v=[("a", 0, 100), ("x", 100, 200)]), TRUTH, {"sil"})
    with pytest.raises(InputError, match="no boundary"):
        score(table(), TRUTH, {"sil"})
