"""Outputs are whole or absent."""

from pathlib import Path

import pytest

from speech_factorization.errors import InputError
from speech_factorization.files import draft_folder, new_file, new_folder, read_json, write_json


def test_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with new_folder(target) as folder:
        (folder / "a").write_text("old")
    with pytest.raises(RuntimeError), new_folder(target) as folder:
        (folder / "a").write_text("half")
        raise RuntimeError
    assert (target / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_new_folder_replaces_all_of_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with new_folder(target) as folder:
        (folder / "a").write_text("old")
    with new_folder(target) as folder:
        (folder / "b").write_text("new")
    assert [path.name for path in target.iterdir()] == ["b"]


def test_what_a_kill_left_is_cleared_away(tmp_path: Path) -> None:
    target = tmp_path / "out"
    killed = new_folder(target)
    (killed.__enter__() / "half").write_text("half")
    with new_folder(target) as folder:
        (folder / "a").write_text("whole")
    assert [path.name for path in target.iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_failed_file_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"x": 1})
    with pytest.raises(RuntimeError), new_file(target) as draft:
        draft.write_text("half")
        raise RuntimeError
    assert read_json(target) == {"x": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_draft_is_gone_on_with_by_the_same_and_cleared_away_by_another(tmp_path: Path) -> None:
    target = tmp_path / "out"
    (tmp_path / ".out.drafts").mkdir()
    with pytest.raises(RuntimeError), new_folder(target, "a1") as folder:
        assert folder == draft_folder(target, "a1")
        (folder / "half").write_text("half")
        raise RuntimeError
    assert not target.exists()
    with pytest.raises(RuntimeError), new_folder(target, "a1") as folder:
        assert (folder / "half").read_text() == "half"
        raise RuntimeError
    with pytest.raises(InputError), new_folder(target, "a1") as folder:
        raise InputError("of other things")
    with pytest.raises(KeyboardInterrupt), new_folder(target, "a1") as folder:
        assert not list(folder.iterdir())
        (folder / "half").write_text("half")
        raise KeyboardInterrupt
    with new_folder(target, "b2") as folder:
        assert not list(folder.iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"out", ".out.drafts"}


@pytest.mark.parametrize("of", ["", "a1"])
def test_no_draft_is_left_in_the_end(tmp_path: Path, of: str) -> None:
    target = tmp_path / "out"
    for left in ("", "a1", "b2"):
        draft_folder(target, left).mkdir()
    with new_folder(target, of) as folder:
        (folder / "a").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
