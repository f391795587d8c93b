"""A training killed at random points and started again ends with the same checkpoint, byte for byte."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from speech_factorization.training.resume import StateFile
from tests.stages.workspace import ROOT, Workspace

# `python -m stages.train vae`, but its state is written every few steps and not every half minute.
OFTEN = """
import functools, sys
import stages.train as train
train.fit = functools.partial(train.fit, save_every=0.05)
sys.argv = ["train", "vae"]
train.run(train.main, "train-vae")
"""


def start(workspace: Workspace) -> "subprocess.Popen[bytes]":
    """The stage in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    return subprocess.Popen(
        [sys.executable, "-c", OFTEN], cwd=workspace.folder, env=environment, stderr=subprocess.PIPE
    )


def kill_when(process: "subprocess.Popen[bytes]", due: Callable[[], bool], wait: float) -> None:
    """SIGKILL some seconds after `due`; it must not have ended before."""
    limit = time.monotonic() + 60
    while not due():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.01)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def steps(scratch: Path) -> int:
    """How many steps the saved state holds; 0 without one."""
    saved = [StateFile(path.parent, 0.0).read() for path in scratch.glob("*/state")]
    return int(saved[0][1]["step"]) if saved and saved[0] else 0


@pytest.mark.slow
def test_killed_training_ends_the_same(copied: Callable[[], Workspace]) -> None:
    workspace, rng = copied(), random.Random(0)
    workspace.change(train={"utterances": {"epochs": 60, "batch": 4}})
    workspace.do("train@vae")
    checkpoint, scratch = workspace.folder / "checkpoints/vae", workspace.folder / "scratch"
    names = ("model.safetensors", "about.json", "curves.csv")
    whole = {name: (checkpoint / name).read_bytes() for name in names}
    (checkpoint / "model.safetensors").unlink()

    kill_when(start(workspace), lambda: True, 3 * rng.random())
    done = [steps(scratch)]
    for _ in range(2):
        before = done[-1]
        kill_when(start(workspace), lambda: steps(scratch) > before, 0.4 * rng.random())  # noqa: B023
        done.append(steps(scratch))
    assert done == sorted(set(done))
    assert not (checkpoint / "model.safetensors").exists()
    last = start(workspace)
    _, said = last.communicate(timeout=60)
    assert last.returncode == 0, said

    assert {name: (checkpoint / name).read_bytes() for name in names} == whole
    assert sorted(path.name for path in checkpoint.iterdir()) == sorted(names)
    assert {path.name for path in checkpoint.parent.iterdir()} == set(workspace.values["models"])
    assert not list(scratch.iterdir())
