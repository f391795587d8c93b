"""corpus.source may name a folder by a DVC remote, which queued runs find as well."""

import subprocess
import sys
from pathlib import Path

import pytest

from speech_factorization.errors import InputError
from stages.corpus import locate
from tests.stages.workspace import Workspace, parameters, write_emodb

CONFIG = """
['remote "absolute"']
    url = {folder}
['remote "relative"']
    url = ../../speech
['remote "bucket"']
    url = s3://bucket/speech
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC repository with remotes, beside a folder `speech`."""
    folder = tmp_path_factory.mktemp("remote") / "work"
    folder.mkdir()
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    (folder / ".dvc/config.local").write_text(CONFIG.format(folder=folder.parent / "speech"))
    return folder


@pytest.mark.parametrize("name", ["absolute", "relative"])
def test_a_folder_in_a_remote(repository: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(repository)
    assert locate(f"remote://{name}/emodb/1") == repository.parent / "speech/emodb/1"


@pytest.mark.parametrize("source", ["data/timit", "/speech/timit", "src/a.csv"])
def test_a_path_is_itself_and_dvc_is_not_asked(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", None)
    assert locate(source) == Path(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("remote://nowhere/timit", "no DVC remote named 'nowhere'; dvc remote add --local nowhere /path"),
        ("remote:///timit", "no DVC remote named ''; dvc remote add --local NAME /path"),
        ("remote://bucket/timit", "the remote is s3://bucket/speech, no folder of this machine"),
    ],
)
def test_what_is_no_folder_of_a_remote(
    repository: Path, monkeypatch: pytest.MonkeyPatch, source: str, said: str
) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(InputError) as error:
        locate(source)
    assert said in str(error.value)
    assert f"corpus.source {source}" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_stage_reads_it(repository: Path) -> None:
    write_emodb(repository.parent / "speech/emodb")
    workspace = Workspace(repository, parameters("emodb", corpus={"source": "remote://absolute/emodb"}))
    workspace.do("corpus")
    assert len(workspace.table("corpus/utterances.csv")) == 18
    workspace.change(corpus={"source": "remote://nowhere/emodb"})
    done = workspace.run("corpus")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "no DVC remote named 'nowhere'" in done.err
    assert len(workspace.table("corpus/utterances.csv")) == 18
