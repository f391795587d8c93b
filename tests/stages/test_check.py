"""`stages/corpus.py --check` says what is in a corpus and writes none."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from speech_factorization.corpora.base import Utterance
from speech_factorization.errors import InputError
from stages import corpus
from tests.stages.workspace import ROOT, Workspace, parameters, write_emodb, write_timit


@pytest.fixture
def timit(tmp_path: Path) -> Workspace:
    """A workspace with a small TIMIT and nothing done."""
    source = write_timit(tmp_path / "corpus")
    return Workspace(tmp_path / "work", parameters("timit", corpus={"source": str(source)}))


def test_check_prints_and_stops(timit: Workspace) -> None:
    done = timit.run("corpus", "--check")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("40 utterances, ")
    for line in (
        "speakers: 8 (women 4, men 4)\n",
        "recorded at 16000 Hz: ",
        "phones: ",
        "refused: nothing\n",
    ):
        assert line in done.out
    assert not (timit.folder / "prepared").exists()
    assert (timit.folder / "logs" / "corpus.png").read_bytes().startswith(b"\x89PNG")


def test_the_whole_stage_says_the_same(timit: Workspace) -> None:
    checked = timit.run("corpus", "--check").out
    assert timit.run("corpus").out == checked
    before = timit.files()
    assert timit.run("corpus", "--check").out == checked
    assert timit.files() == before


def test_what_is_printed_is_what_the_stage_phones_counts(timit: Workspace) -> None:
    out = timit.run("corpus", "--check").out
    timit.do("corpus", "phones")
    counts = timit.table("phones/counts.csv").groupby("phone")["count"].sum()
    said = out[out.index("  class ") : out.index("refused:")].splitlines()[1:]
    assert {line.split()[0]: int(line.split()[1]) for line in said} == counts.to_dict()


def test_faults_are_said_after_what_was_found(timit: Workspace) -> None:
    path = Path(timit.values["corpus"]["source"]) / "TIMIT/TRAIN/DR1/FAJW0"
    labels = path / "SX93.PHN"
    labels.write_text(labels.read_text().replace(" h#", " zz"))
    (path / "SX183.WAV").write_bytes(b"no sound")
    done = timit.run("corpus", "--check")
    assert done.status == 0
    assert "  'zz' x 2, first in fajw0_sx93 at position 0\n" in done.out
    assert (
        "refused utterances x 1: the audio file is unreadable (first TIMIT/TRAIN/DR1/FAJW0/SX183.WAV"
        in done.out
    )
    timit.change(corpus={"mapping": {"zz": "sil"}})
    assert "'zz'" not in timit.run("corpus", "--check").out
    timit.do("corpus", "phones")
    first = timit.table("phones/labels.csv").query("utterance == 'fajw0_sx93'").iloc[0]
    assert (first["symbol"], first["phone"]) == ("zz", "sil")


def test_nothing_usable(tmp_path: Path) -> None:
    source = write_emodb(tmp_path / "corpus")
    for path in (source / "wav").iterdir():
        path.write_bytes(b"")
    made = Workspace(tmp_path / "work", parameters("emodb", corpus={"source": str(source)}))
    done = made.run("corpus", "--check")
    assert done.status == 2
    assert done.out.startswith("0 utterances, ")
    assert done.err.startswith("corpus---check: wav/")
    assert "no utterance of the corpus is usable (18 refused): the audio file is unreadable" in done.err


def test_arguments_and_mappings_that_are_none(timit: Workspace) -> None:
    done = timit.run("corpus", "--chekc")
    assert (done.status, done.out) == (2, "")
    assert "no such argument: --chekc; there is --check" in done.err
    timit.change(corpus={"mapping": {"zz": "silence"}})
    done = timit.run("corpus", "--check")
    assert done.status == 2
    assert "corpus.mapping: fold timit has no such phone: 'zz' to 'silence'; choose from aa, ae" in done.err


def test_a_wrong_path_or_a_crash_is_not_followed_by_zeros(timit: Workspace) -> None:
    with (
        mock.patch.object(corpus, "read", side_effect=RuntimeError("a crash")),
        pytest.raises(RuntimeError, match="a crash"),
    ):
        timit.run("corpus", "--check")
    timit.change(corpus={"source": "nowhere"})
    done = timit.run("corpus", "--check")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert not (timit.folder / "logs" / "corpus.png").exists()


def test_the_time_of_the_stage_is_not_that_of_a_check(timit: Workspace) -> None:
    (timit.folder / "logs").mkdir()
    (timit.folder / "logs" / "corpus.json").write_text("the stage's")
    command = [sys.executable, "-P", "-m", "stages.corpus", "--check"]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": ""}
    subprocess.run(command, cwd=timit.folder, env=environment, check=True, capture_output=True)
    assert (timit.folder / "logs" / "corpus.json").read_text() == "the stage's"
    assert {path.name for path in (timit.folder / "logs").iterdir()} == {
        "corpus.json",
        "corpus-check.json",
        "corpus.png",
    }


def test_too_few_texts_or_parts_are_said_whatever_the_reader() -> None:
    one = Utterance("u", "ann", "F", "train", "train", np.zeros(16, np.int16))
    with pytest.raises(InputError, match="no utterance is left for valid and test; give more texts"):
        list(corpus.check([one]))
    sides = [replace(one, split=part) for part in ("train", "valid", "test")]
    with pytest.raises(InputError, match="valid and test; check that all parts of the corpus are there"):
        list(corpus.check(sides))


def test_what_dvc_does_not_watch_is_said(tmp_path: Path) -> None:
    """A Kaldi data directory inside a link, with sounds in it, elsewhere and from a command."""
    real, away = tmp_path / "real", tmp_path / "away"
    real.mkdir()
    write_emodb(away)
    sounds = sorted((away / "wav").iterdir())
    (real / "in.wav").write_bytes(sounds[0].read_bytes())
    entries = [real / "in.wav", *sounds[1:-1], f"cat {sounds[-1]} |"]
    names = [f"u{i:02}" for i in range(len(entries))]
    (real / "wav.scp").write_text(
        "".join(f"{name} {entry}\n" for name, entry in zip(names, entries, strict=True))
    )
    (real / "utt2spk").write_text("".join(f"{name} s{i % 6}\n" for i, name in enumerate(names)))
    (real / "text").write_text("".join(f"{name} text {i % 3}\n" for i, name in enumerate(names)))
    (tmp_path / "link").symlink_to(real)
    values = parameters("kaldi", corpus={"source": str(tmp_path / "link")})
    made = Workspace(tmp_path / "work", values)
    made.change(readers={"kaldi": {"pipes": True, "root": str(away)}})
    done = made.run("corpus", "--check")
    assert done.status == 0, done.err
    said = "outside corpus.source, where dvc sees no change (dvc repro -f corpus): "
    assert [line.removeprefix(said) for line in done.out.splitlines() if line.startswith(said)] == [
        f"readers.kaldi.root: {away}",
        "17 of 18 recordings, elsewhere or of commands",
    ]


def test_a_linked_folder_is_not_watched(timit: Workspace, tmp_path: Path) -> None:
    source = Path(timit.values["corpus"]["source"]) / "TIMIT/TRAIN"
    (source / "DR1").rename(tmp_path / "elsewhere")
    (source / "DR1").symlink_to(tmp_path / "elsewhere")
    (source / "DR9").symlink_to(source / "DR2")
    out = timit.run("corpus", "--check").out
    assert f"(dvc repro -f corpus): linked folders: 1, {source / 'DR1'} first\n" in out


def test_nothing_is_unwatched_in_most_corpora(timit: Workspace) -> None:
    assert "outside corpus.source" not in timit.run("corpus", "--check").out
