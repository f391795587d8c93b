"""Trees of files: names, links, and what is no file at all."""

import os
import unicodedata
from pathlib import Path

import pytest

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.tables import Corpus, write_corpus
from tests.corpora import textgrid_trees
from tests.corpora.folder_trees import items, refused, sound, spoken, write_nine
from tests.corpora.grids import write_grid


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three speakers of three recordings each, no transcripts."""
    return write_nine(tmp_path / "corpus")


def test_names_are_safe_and_unique(tmp_path: Path) -> None:
    for place in ("an na/ä 1", "an_na/ä_1", "an/na_ä_1", "日本/x|y", ".hidden/a", "an na/.b"):
        sound(tmp_path / f"{place}.wav")
    found = spoken(items(tmp_path))
    assert [(one.utterance, one.speaker) for one in found] == [
        ("an_na_ä_1", "an_na"),
        ("an_na_ä_1_2", "an"),
        ("an_na_ä_1_3", "an_na_2"),
        ("日本_x_y", "日本"),
    ]


def test_a_flat_folder_is_one_speaker(tmp_path: Path) -> None:
    sound(tmp_path / "my voice/a.wav")
    (one,) = spoken(items(tmp_path / "my voice"))
    assert (one.utterance, one.speaker) == ("a", "my_voice")


def test_links_are_followed_once(tree: Path) -> None:
    before = [one.utterance for one in items(tree)]
    (tree / "anna" / "loop").symlink_to(tree)
    assert [one.utterance for one in items(tree)] == before
    (tree / "abel").symlink_to(tree / "carl")
    assert [one.utterance for one in items(tree)] == before
    (tree.parent / "outside").mkdir()
    sound(tree.parent / "outside/a.wav")
    (tree / "dora").symlink_to(tree.parent / "outside")
    assert [one.utterance for one in items(tree)] == [*before, "dora_a"]


def test_what_dvc_stops_at_is_said(tree: Path) -> None:
    """Neither a link to nothing nor a pipe costs an utterance of another file, and no pipe is waited for."""
    before = [one.utterance for one in spoken(items(tree))]
    (tree / "anna" / "away").symlink_to(tree.parent / "nowhere")
    (tree / "anna" / "lost.wav").symlink_to(tree.parent / "nowhere.wav")
    for name in ("p.wav", "0.txt"):
        os.mkfifo(tree / "anna" / name)
    found = items(tree)
    assert [one.utterance for one in spoken(found)] == before
    assert refused(found) == [
        ("anna_0.txt", "utterance", "anna/0.txt", "a pipe or a device is no file"),
        ("anna_away", "utterance", "anna/away", "the link leads nowhere"),
        ("anna_lost.wav", "utterance", "anna/lost.wav", "the link leads nowhere"),
        ("anna_p.wav", "utterance", "anna/p.wav", "a pipe or a device is no file"),
    ]
    assert all("remove it: dvc" in one.remedy for one in found if isinstance(one, Refusal))


def test_a_name_that_is_not_utf8(tree: Path, tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tree) + b"/anna/\xe4.wav")
    try:
        Path(path).write_bytes((tree / "anna/0.wav").read_bytes())
    except OSError:
        pytest.skip("this file system takes no such name")
    found = items(tree)
    assert refused(found) == [
        ("anna__xe4.wav", "utterance", "anna/\\xe4.wav", "the file's name is not UTF-8")
    ]
    assert "remove it: dvc" in next(one.remedy for one in found if isinstance(one, Refusal))
    write_corpus(found, tmp_path / "out")


def test_a_second_file_of_one_name_does_not_take_it(tree: Path, tmp_path: Path) -> None:
    """Else the tables would name one utterance as lost and as kept."""
    sound(tree / "anna/0.mp3")
    sound(tree / "anna/1.WAV")
    write_corpus(items(tree), tmp_path / "out")
    lost = (tmp_path / "out" / "refused.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lost] == ["anna_1.wav", "anna_0.mp3"]
    assert set(Corpus(tmp_path / "out").utterances["utterance"]) >= {"anna_0", "anna_1"}


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("column", ["file", "utterance"])
def test_names_that_macos_wrote_meet_those_of_a_table(tmp_path: Path, column: str) -> None:
    sound(tmp_path / nfd("f\u00fcr/\u00e4.wav"))
    sound(tmp_path / "anna/b.wav")
    key = {"file": "f\u00fcr/\u00e4", "utterance": "\u00e4"}[column]
    (tmp_path / "texts.csv").write_text(f"{column},text\n{key},so\n{nfd(key)}x,none\n")
    (tmp_path / "sexes.csv").write_text("speaker,sex\nf\u00fcr,M\n")
    found = spoken(items(tmp_path, transcripts="texts.csv", sexes="sexes.csv"))
    assert ("f\u00fcr_\u00e4", "f\u00fcr", "M", "so") in [
        (one.utterance, one.speaker, one.sex, one.text) for one in found
    ]


def test_grids_that_macos_named_meet_their_sounds(tmp_path: Path) -> None:
    textgrid_trees.sound(tmp_path / "corpus" / "anna" / nfd("\u00e4.wav"))
    write_grid(tmp_path / "grids" / "anna" / "\u00e4.TextGrid", textgrid_trees.SHE)
    (one,) = textgrid_trees.items(tmp_path / "corpus", grids="../grids")
    assert isinstance(one, Utterance)
    assert one.labels == textgrid_trees.LABELS
