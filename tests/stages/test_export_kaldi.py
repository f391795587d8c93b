"""The pipeline's own output as a Kaldi data directory, and the pipeline run again on that."""

import contextlib
import shlex
from pathlib import Path

import kaldiio
import numpy as np
import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides

from speech_factorization.corpora import kaldi
from speech_factorization.corpora.base import Utterance
from speech_factorization.corpora.tables import read_table, write_corpus
from speech_factorization.parameters import CorpusParameters
from stages import export_kaldi
from tests.stages.workspace import Workspace, parameters, write_timit


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A small TIMIT up to the spectrograms, with its own phone times; not to be changed."""
    folder = tmp_path_factory.mktemp("export")
    source = write_timit(folder / "corpus")
    values = parameters("timit", corpus={"source": str(source)}, alignment={"source": "labels"})
    workspace = Workspace(folder / "work", values)
    workspace.prepare()
    return workspace


def run(workspace: Workspace, *arguments: str) -> int:
    with contextlib.chdir(workspace.folder):
        return export_kaldi.main(list(arguments))


def test_the_pipeline_on_its_own_export(
    prepared: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    kinds = ("utterances", "segments", "vowels")
    assert run(prepared, str(out), "--features", *kinds) == 0
    said = capsys.readouterr().out
    assert "export_kaldi: 40 utterances of 8 speakers" in said
    assert "export_kaldi: units.ctm: 40 utterances" in said

    # Its corpus and segments again, from the data directory alone.
    values = CorpusParameters(
        name="kaldi", source="", fold="timit", women=9, men=9, vowels=[], factors=[], sentences=[]
    )
    settings = kaldi.Settings(ctm="labels.ctm", words="words.ctm")
    items = list(kaldi.read(out, values, 3, 1, settings))
    assert all(isinstance(item, Utterance) for item in items)
    again = prepared.copy(tmp_path / "again")
    write_corpus(items, again.folder / "prepared" / "corpus")
    again.do("phones", "alignment", "segments")
    for table in ("corpus/utterances.csv", "corpus/labels.csv", "corpus/words.csv", "segments/segments.csv"):
        order = [name for name in ("utterance", "position") if name in prepared.table(table)]
        pd.testing.assert_frame_equal(
            again.table(table), prepared.table(table).sort_values(order, ignore_index=True)
        )

    with contextlib.chdir(out):
        feats = kaldiio.load_scp("feats.scp")
        cut = kaldiio.load_scp("segment_feats.scp")
        assert set(feats) == {item.utterance for item in items}
        assert all(matrix.shape[1] == 257 for matrix in feats.values())
        assert list(cut) == sorted(prepared.table("segments/segments.csv")["segment"])
        np.testing.assert_array_equal(cut[next(iter(cut))].shape, (20, 200))
        assert (out / "vowel_feats.scp").is_file()


def test_what_it_prints_reads_the_same_again(
    prepared: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With params.yaml as the command leaves it: the same tables, factors and words, symbols that end in _B."""
    made = prepared.copy(tmp_path / "made")
    table = made.table("corpus/utterances.csv")
    table["emotion"] = ["joy", "anger"] * (len(table) // 2)
    table.to_csv(made.folder / "prepared/corpus/utterances.csv", index=False)
    labels = made.folder / "prepared/corpus/labels.csv"
    labels.write_text(labels.read_text().replace(",iy,", ",iy_B,"))
    made.change(corpus={"women": 2}, readers={"kaldi": {"channel": 2}})
    assert run(made, "my data") == 0
    said = capsys.readouterr().out.splitlines()[-1].removeprefix("export_kaldi: read it back: ")
    words = shlex.split(said)
    assert words[:3] == ["dvc", "exp", "run"]
    changes = words[4::2]
    assert (words[3::2], changes) == (
        ["-S"] * len(changes),
        [
            "corpus.name=kaldi",
            "corpus.source='my data'",
            "corpus.women=4",
            "corpus.men=4",
            "readers.kaldi.channel=null",
            "readers.kaldi.ctm=labels.ctm",
            "readers.kaldi.words=words.ctm",
            "readers.kaldi.positions=false",
            "readers.kaldi.factors=[emotion]",
        ],
    )
    again = Workspace(made.folder, made.values)
    with contextlib.chdir(made.folder):
        apply_overrides(made.folder / "params.yaml", changes)
    again.do("corpus")
    for name in ("utterances.csv", "labels.csv", "words.csv"):
        before = {"utterances.csv": table, "labels.csv": read_table(labels)}.get(name)
        if before is None:
            before = prepared.table("corpus/words.csv")
        order = [column for column in ("utterance", "position") if column in before]
        pd.testing.assert_frame_equal(
            read_table(made.folder / "prepared/corpus" / name), before.sort_values(order, ignore_index=True)
        )


def test_wav_files(prepared: Workspace, tmp_path: Path) -> None:
    assert run(prepared, str(tmp_path / "data"), "--wav-files") == 0
    assert len(list((tmp_path / "data" / "wav").glob("*.wav"))) == 40
    assert not (tmp_path / "data" / "feats.scp").exists()


def test_nothing_is_overwritten(
    prepared: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("")
    assert run(prepared, str(tmp_path)) == 2
    assert "it is there already; remove it, or name another folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_before_the_pipeline_has_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.chdir(tmp_path):
        assert export_kaldi.main(["out"]) == 2
    assert "run the stage `corpus` first" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
