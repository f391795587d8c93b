"""Two processes train as one."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from speech_factorization.training.checkpoints import load
from speech_factorization.training.processes import share
from speech_factorization.training.resume import StateFile
from tests.training import toys
from tests.training.toys import Clusters

ROOT = Path(__file__).parents[2]


def test_shares_are_the_batch() -> None:
    batch = next(Clusters(7, 7, seed=0)(0))
    assert share(batch, 0, 1) == (batch, 7)
    parts = [share(batch, rank, 3) for rank in range(3)]
    assert [weight for _, weight in parts] == [3, 2, 2]
    assert sorted(name for part, _ in parts for name in part.utterances) == sorted(batch.utterances)
    part = parts[1][0]
    assert torch.equal(part.x, batch.x[[1, 4]])
    assert torch.equal(part.factors["class"], batch.factors["class"][[1, 4]])
    assert len(part.lengths) == 2


def test_a_process_without_items_has_one_of_no_weight() -> None:
    batch = next(Clusters(2, 2, seed=0)(0))
    part, weight = share(batch, 3, 4)
    assert weight == 0
    assert torch.equal(part.x, batch.x[:1])


def alike(folders: list[Path]) -> bool:
    """Whether all hold the same weights and curves."""
    names = ("model.safetensors", "curves.csv")
    return all(len({(folder / name).read_bytes() for folder in folders}) == 1 for name in names)


@pytest.mark.slow
def test_under_torchrun_two_train_as_one(tmp_path: Path) -> None:
    """150 items in batches of 16: the last batch has 6; both processes' weights and curves are one's."""
    toys.main("classifier", str(tmp_path / "single"), str(tmp_path / "scratch"), "3")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [
        "-m",
        "tests.training.toys",
        "classifier",
        str(tmp_path / "double"),
        str(tmp_path / "scratch"),
        "3",
    ]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert alike([tmp_path / "double0", tmp_path / "double1"])
    single, double = load(tmp_path / "single")[0], load(tmp_path / "double0")[0]
    for name, tensor in single.items():
        assert torch.allclose(tensor, double[name], atol=1e-4), name
    assert not (tmp_path / "scratch").exists()


def train_two(out: Path, scratch: Path, life: int = -1) -> list[int | None]:
    """Train the toy of two players in two processes; their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ("gan", str(out), str(scratch), "3", str(life))
    processes = [toys.start(toys.main_of_several, rank, 2, port, *arguments) for rank in range(2)]
    for process in reversed(processes):
        process.join(60)
        if process.exitcode:
            # As torchrun does when one of its processes dies.
            processes[0].kill()
    return [process.exitcode for process in processes]


@pytest.mark.slow
def test_two_go_on_when_they_were_killed(tmp_path: Path) -> None:
    """With noise, dropout and running statistics: both processes stay alike, and end as if never killed."""
    assert train_two(tmp_path / "whole", tmp_path / "scratch-whole") == [0, 0]
    # 10 of the 25 batches count an epoch, 1 starts the model; then 14 steps. Then 10, 4 skipped, 11 steps.
    for step in (14, 25):
        assert train_two(tmp_path / "killed", tmp_path / "scratch", life=25)[1] == -signal.SIGKILL
        state = StateFile(tmp_path / "scratch", 0.0).read()
        assert state is not None
        assert state[1]["step"] == step
    assert train_two(tmp_path / "killed", tmp_path / "scratch") == [0, 0]
    assert alike([tmp_path / name for name in ("whole0", "whole1", "killed0", "killed1")])
    assert not (tmp_path / "scratch").exists()
