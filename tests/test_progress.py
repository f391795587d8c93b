"""Progress on standard error: a bar on a terminal, at most a line per tenth elsewhere, nothing of what is quick."""

import itertools
import sys

import pytest

from speech_factorization import progress


def pretend(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """A clock on which every item takes so long."""
    clock = itertools.count(0.0, seconds)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.shown(range(1000), 1000, "work")) == list(range(1000))
    assert capsys.readouterr() == ("", "")


def test_a_line_per_tenth(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pretend(monkeypatch, 6.0)
    assert len(list(progress.shown(range(200), 200, "work"))) == 200
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "work: 20 of 200, 19 min left"
    assert lines[-1] == "work: 180 of 200, 2 min left"
    assert len(lines) == 9


def test_no_more_than_one_in_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pretend(monkeypatch, 0.5)
    list(progress.shown(range(100), 100, "work"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0] == "work: 19 of 100, 43 s left"


@pytest.mark.parametrize("total", [0, 3])
def test_a_wrong_total_does_no_harm(monkeypatch: pytest.MonkeyPatch, total: int) -> None:
    pretend(monkeypatch, 60.0)
    assert len(list(progress.shown(range(5), total, "work"))) == 5


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress.shown(range(5), 5, "work")) == list(range(5))
    said = capsys.readouterr().err
    assert "work" in said
    assert "5/5" in said or "0/5" in said
    # It is gone in the end.
    assert said.endswith("\r")
