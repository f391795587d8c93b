"""The stages corpus and spectrograms, killed at random points and started again, end with the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages.workspace import KINDS, PREPARING, ROOT, Workspace, parameters, write_timit

# The stage of the command line, but each sound and each utterance takes a while and leaves a line in worked.txt.
SLOWLY = """
import importlib, os, sys, time
def slow(module, name):
    work = getattr(module, name)
    def slowed(*given):
        time.sleep(0.02)
        with open("worked.txt", "a") as file:
            file.write("x")
        return work(*given)
    setattr(module, name, slowed)
stage = importlib.import_module("stages." + sys.argv[1])
if sys.argv[1] == "corpus":
    slow(importlib.import_module("speech_factorization.corpora.sounds"), "read_sound")
else:
    for name in ("segments_of", "vowels_of", "trimmed"):
        slow(stage, name)
del sys.argv[0]
stage.run(stage.main, "slow")
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A small TIMIT, prepared; not to be changed."""
    folder = tmp_path_factory.mktemp("timit")
    source = write_timit(folder / "corpus")
    values = parameters("timit", corpus={"source": str(source)}, alignment={"source": "labels"})
    workspace = Workspace(folder / "work", values)
    workspace.do(*PREPARING, *(f"spectrograms@{kind}" for kind in KINDS))
    return workspace


def start(workspace: Workspace, *stage: str) -> "subprocess.Popen[bytes]":
    """The stage in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    return subprocess.Popen(
        [sys.executable, "-c", SLOWLY, *stage],
        cwd=workspace.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def kill_when(process: "subprocess.Popen[bytes]", due: Callable[[], bool]) -> None:
    """SIGKILL once `due`; it must not have ended before."""
    limit = time.monotonic() + 60
    while not due():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.005)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def worked(workspace: Workspace) -> int:
    """How many sounds or utterances were worked on, over all runs."""
    path = workspace.folder / "worked.txt"
    return path.stat().st_size if path.exists() else 0


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "jobs"),
    [
        ("corpus", 1),
        ("corpus", 2),
        ("spectrograms segments", 2),
        ("spectrograms vowels", 1),
        ("spectrograms utterances", 2),
    ],
)
def test_killed_preparation_ends_the_same(prepared: Workspace, tmp_path: Path, stage: str, jobs: int) -> None:
    rng = random.Random(f"{stage}{jobs}")
    workspace = prepared.copy(tmp_path / "work")
    workspace.change(jobs=jobs)
    folder = workspace.folder / "prepared" / stage.replace(" ", "/")
    whole = files(folder)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()

    for more in (rng.randint(6, 14), rng.randint(6, 14)):
        wanted = worked(workspace) + more
        kill_when(start(workspace, *stage.split()), lambda: worked(workspace) >= wanted)  # noqa: B023
        assert not folder.exists()
    last = start(workspace, *stage.split())
    _, said = last.communicate(timeout=60)
    assert last.returncode == 0, said

    assert files(folder) == whole
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]
    # Of forty utterances none but those that were under way twice over.
    assert worked(workspace) <= 40 + 2 * (2 + 5 * jobs)


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_same_bytes_from_any_number_of_processes(prepared: Workspace, tmp_path: Path, jobs: int) -> None:
    workspace = prepared.copy(tmp_path / "work")
    workspace.change(jobs=jobs)
    workspace.do(*PREPARING, *(f"spectrograms@{kind}" for kind in KINDS))
    for name in ("corpus", *(f"spectrograms/{kind}" for kind in KINDS)):
        assert files(workspace.folder / "prepared" / name) == files(prepared.folder / "prepared" / name)
