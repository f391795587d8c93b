"""Statistics of F0: by name, in any order, with everyone's for names unknown."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.pitch.statistics import LEAST_STD, PitchStatistics, of_f0

LOW = np.array([0, 100, 110, 0, 121, 100, 90], np.float32)
HIGH = np.array([200, 220, 0, 0, 240, 210, 190], np.float32)
SILENT = np.zeros(9, np.float32)


def test_by_hand() -> None:
    found = of_f0(np.array([100, 0, 200, 100, 200, 100, 200, 0.0]))
    assert found is not None
    assert found.mean == pytest.approx(np.log(100) + np.log(2) / 2)
    assert found.std == pytest.approx(np.log(2) / 2)
    assert found.hertz == pytest.approx(100 * 2**0.5)


def test_a_recording_without_a_voice_has_none() -> None:
    for f0 in (SILENT, np.zeros(0), np.array([100.0, 0, 100])):
        assert of_f0(f0) is None


def test_a_monotonous_voice_is_not_divided_by_nothing() -> None:
    found = of_f0(np.full(50, 140.0))
    assert found is not None
    assert found.std == LEAST_STD


@given(st.permutations([("a", LOW), ("b", HIGH), ("a", HIGH[::-1]), ("c", SILENT), ("d", LOW * 1.3)]))
def test_the_order_of_recordings_does_not_matter(items: list[tuple[str, np.ndarray]]) -> None:
    found = PitchStatistics.fit(items, ["a", "d", "never heard"])
    again = PitchStatistics.fit(sorted(items, key=lambda item: (item[0], item[1].tolist())), ["a", "d"])
    assert found.everyone == again.everyone
    assert found.speakers == again.speakers
    assert list(found.speakers) == ["a", "b", "d"]


def test_a_speaker_has_the_statistics_of_all_his_recordings_and_of_no_other() -> None:
    found = PitchStatistics.fit([("a", LOW), ("b", HIGH), ("a", LOW[::-1] * 1.1)])
    both = of_f0(np.concatenate([LOW, LOW[::-1] * 1.1]))
    assert both is not None
    assert found.of("a").mean == pytest.approx(both.mean, rel=1e-12)
    assert found.of("a").std == pytest.approx(both.std, rel=1e-9)
    assert found.of("b") == of_f0(HIGH)


def test_a_name_unknown_or_never_voiced_gets_everyones() -> None:
    found = PitchStatistics.fit([("a", LOW), ("b", HIGH), ("c", SILENT)], everyone=["a"])
    assert found.everyone == of_f0(LOW)
    assert found.of("c") == found.of("nobody") == found.everyone
    with pytest.raises(InputError, match="voiced"):
        PitchStatistics.fit([("c", SILENT)])


def test_the_file_gives_them_back(tmp_path: Path) -> None:
    found = PitchStatistics.fit([("03", LOW), ("NA", HIGH), ("with, comma", LOW * 2)])
    found.write_csv(tmp_path / "statistics.csv")
    read = PitchStatistics.read_csv(tmp_path / "statistics.csv")
    assert list(read.speakers) == ["03", "NA", "with, comma"]
    assert read.frames == found.frames
    for name in ("03", "NA", "with, comma", "nobody"):
        assert read.of(name).mean == pytest.approx(found.of(name).mean, rel=1e-8)
        assert read.of(name).std == pytest.approx(found.of(name).std, rel=1e-8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("speaker,frames,mean,std\na,5,4.8,0.1\n", "everyone"),
        ("speaker,frames,mean,std\n,5,4.8,none\n", "csv:2"),
        ("speaker,frames,mean,std\n,5,4.8,0\n", "csv:2"),
        ("speaker,frames,mean,std\n,5,nan,0.1\n", "csv:2"),
        ("speaker,frames,mean,std\n,5,4.8,0.1\n,5,4.8,0.1\n", "csv:3"),
        ("name,mean\na,1\n", "csv:2"),
        ("", "everyone"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "statistics.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as error:
        PitchStatistics.read_csv(path)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="no statistics"):
        PitchStatistics.read_csv(tmp_path / "other.csv")
