"""Workspaces in which all stages have been run; tests copy what they change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages.workspace import Workspace, parameters, write_emodb, write_timit

MODELS = ("identity", "segment_vae", "vae", "glow", "speech_resynthesis")


def finish(workspace: Workspace) -> Workspace:
    """Every stage, one after the other."""
    workspace.prepare()
    workspace.do("judges", "pitch", "units", "speaker", "inputs")
    workspace.do(*(f"{stage}@{model}" for model in MODELS for stage in ("train", "evaluate")))
    workspace.do("tables", "report")
    return workspace


@pytest.fixture(scope="session")
def timit(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All of the pipeline on a small TIMIT; not to be changed."""
    folder = tmp_path_factory.mktemp("timit")
    source = write_timit(folder / "corpus")
    return finish(Workspace(folder / "work", parameters("timit", corpus={"source": str(source)})))


@pytest.fixture(scope="session")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All of the pipeline on a small EmoDB without labels; not to be changed."""
    folder = tmp_path_factory.mktemp("emodb")
    source = write_emodb(folder / "corpus")
    return finish(Workspace(folder / "work", parameters("emodb", corpus={"source": str(source)})))


@pytest.fixture
def copied(timit: Workspace, tmp_path: Path) -> Callable[[], Workspace]:
    """A copy of the small TIMIT's workspace, which a test may change."""
    return lambda: timit.copy(tmp_path / "copy")
