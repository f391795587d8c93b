"""Errors of F0 by hand, and what changes them and what does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import pitch
from speech_factorization.evaluation.metrics.undefined import Undefined

REFERENCE = [0, 100, 100, 100, 100, 0, 200, 200, 0, 0]
ESTIMATE = [0, 100, 0, 121, 119, 90, 161, 159, 0, 0]


def test_by_hand() -> None:
    # Frames 2 and 5 have the wrong voicing; 121 is more than 20 % off 100, 159 more than 20 % off 200.
    assert pitch.vde(REFERENCE, ESTIMATE) == 0.2
    assert pitch.gpe(REFERENCE, ESTIMATE) == 2 / 5
    assert pitch.ffe(REFERENCE, ESTIMATE) == 0.4
    assert pitch.f0_rmse([100, 200, 0, 50], [103, 196, 50, 0]) == pytest.approx(np.sqrt((9 + 16) / 2))
    assert pitch.f0_rmse_cents([100, 200], [200, 100]) == pytest.approx(1200)
    assert pitch.log_f0_correlation([100, 200, 400, 0], [50, 100, 200, 70]) == pytest.approx(1)
    assert pitch.log_f0_correlation([100, 200, 400], [400, 200, 100]) == pytest.approx(-1)


def test_twenty_percent_is_of_the_reference_and_not_gross_itself() -> None:
    assert pitch.gpe([100, 100], [120, 80]) == 0
    assert pitch.gpe([120, 80], [100, 100]) == 0.5  # 20 of 120 is less, 20 of 80 is more


def test_the_same_contour_has_no_error() -> None:
    found = pitch.evaluate(REFERENCE, REFERENCE)
    assert found.pop("log_f0_correlation") == pytest.approx(1)
    assert found == {"vde": 0, "gpe": 0, "ffe": 0, "f0_rmse": 0, "f0_rmse_cents": 0}


def test_an_octave_is_gross_and_nothing_else() -> None:
    double = 2 * np.array(REFERENCE, float)
    assert pitch.vde(REFERENCE, double) == 0
    assert pitch.gpe(REFERENCE, double) == 1
    assert pitch.ffe(REFERENCE, double) == 0.6


contours = st.lists(
    st.tuples(*[st.sampled_from([0.0, 80.0, 95.0, 100.0, 121.0, 240.0])] * 2), min_size=1, max_size=30
)


@given(contours, st.permutations(range(30)), st.floats(0.5, 2))
def test_invariances(frames: list[tuple[float, float]], order: list[int], factor: float) -> None:
    r, e = np.array(frames).T
    here = [i for i in order if i < len(r)]
    found = pitch.evaluate(r, e)
    assert pitch.evaluate(r[here], e[here]) == pytest.approx(found, rel=1e-9, abs=1e-9)
    twice = pitch.evaluate(np.tile(r, 2), np.tile(e, 2))
    assert twice == pytest.approx(found, rel=1e-9, abs=1e-9)
    assert pitch.vde(r, e) == pitch.vde(e, r)
    # Wrong in voicing or grossly wrong, never both: FFE is VDE and the gross errors' share of all frames.
    both = ((r > 0) & (e > 0)).mean()
    assert found["ffe"] == pytest.approx(found["vde"] + found.get("gpe", 0) * both)
    if "f0_rmse_cents" in found:
        scaled = pitch.evaluate(r * factor, e * factor)
        assert scaled["f0_rmse_cents"] == pytest.approx(found["f0_rmse_cents"], rel=1e-6, abs=1e-6)
        assert scaled["f0_rmse"] == pytest.approx(factor * found["f0_rmse"], rel=1e-6, abs=1e-6)


def test_what_has_no_value_is_left_out() -> None:
    assert pitch.evaluate([0, 100], [100, 0]) == {"vde": 1.0, "ffe": 1.0}
    assert pitch.evaluate([0, 0], [0, 0]) == {"vde": 0.0, "ffe": 0.0}
    assert "log_f0_correlation" not in pitch.evaluate([100, 100], [100, 110])
    with pytest.raises(Undefined, match="no frame"):
        pitch.gpe([0, 1], [1, 0])


@pytest.mark.parametrize(
    ("reference", "estimate"),
    [([1, 2], [1]), ([], []), ([[1.0]], [[1.0]]), ([np.nan], [1]), ([1], [-1]), ([np.inf], [1])],
)
def test_bad_contours_are_refused(reference: list[float], estimate: list[float]) -> None:
    with pytest.raises(InputError, match="F0"):
        pitch.evaluate(reference, estimate)
