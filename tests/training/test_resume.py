"""Killed anywhere and started again, a training ends with the same bytes."""

import random
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from speech_factorization.interfaces import Batch
from speech_factorization.training import checkpoints
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.resume import StateFile, state_folder
from speech_factorization.training.seeds import seed_everything
from tests.training import toys
from tests.training.toys import Clusters, Gan, settings

TRAIN, VALID = Clusters(150, 16, seed=2), Clusters(40, 16, seed=3)


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return make_fabric("cpu", threads=1)


def gan() -> Gan:
    seed_everything(1)
    return Gan()


def train(*arguments: object) -> ForkServerProcess:
    """A process that trains the toy of two players; arguments: out, scratch, epochs."""
    return toys.start(toys.main, "gan", *map(str, arguments))


def finish(process: ForkServerProcess) -> None:
    process.join(60)
    assert process.exitcode == 0


def written(scratch: Path) -> int:
    """How many steps are done in the saved state, 0 if there is none."""
    state = StateFile(scratch, 0.0).read()
    return state[1]["step"] if state else 0


@pytest.mark.slow
def test_killed_at_random_points_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    epochs, chance = 60, random.Random(5)
    finish(train(tmp_path / "whole", tmp_path / "scratch-whole", epochs))
    scratch = tmp_path / "scratch"
    steps = [0]
    for _ in range(8):
        process = train(tmp_path / "killed", scratch, epochs)
        # Once it is beyond where it was, it dies at any instruction.
        while process.is_alive() and written(scratch) == steps[-1]:
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.2))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it ended before it could be killed: give it more epochs"
        steps.append(written(scratch))
    assert steps == sorted(set(steps)), "it did not go on from where it was"
    finish(train(tmp_path / "killed", scratch, epochs))
    for name in ("model.safetensors", "about.json", "curves.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not scratch.exists()


class KilledError(Exception):
    """Stands for SIGKILL: nothing of the loop catches it."""


class Interrupted(Clusters):
    """Stops a training when it asks for its n-th batch."""

    def __init__(self, left: int) -> None:
        super().__init__(150, 16, seed=2)
        self.left = left

    def __len__(self) -> int:
        return 10

    def __call__(self, epoch: int):  # type: ignore[no-untyped-def]
        for batch in super().__call__(epoch):
            if not self.left:
                raise KilledError
            self.left -= 1
            yield batch


def outcome(model: Gan, history: History, folder: Path) -> bytes:
    """Weights and curves."""
    checkpoints.save(folder, model, {"best_epoch": history.best_epoch})
    history.write_csv(folder / "curves.csv")
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def whole(fabric: Fabric, folder: Path, **changes: object) -> bytes:
    model = gan()
    history = fit(model, TRAIN, VALID, settings(**changes), fabric, folder / "scratch", progress=False)
    assert model.started == 1
    return outcome(model, history, folder / "whole")


# The first batch is also asked for by `initialise`: 1 is the first step; 10 ends an epoch, 11 begins one.
@pytest.mark.parametrize("left", [2, 10, 11, 12, 25, 31])
@pytest.mark.parametrize("save_every", [0.0, 1000.0])
def test_stopped_at_a_step_it_goes_on(left: int, save_every: float, fabric: Fabric, tmp_path: Path) -> None:
    expected = whole(fabric, tmp_path, epochs=4, valid_every=2)
    scratch, chosen = tmp_path / "scratch", settings(epochs=4, valid_every=2)
    with pytest.raises(KilledError):
        fit(gan(), Interrupted(left), VALID, chosen, fabric, scratch, progress=False, save_every=save_every)
    # With 1000 s there is no state: it starts afresh.
    assert (scratch / "state").exists() == (save_every == 0.0)
    seen: list[int] = []

    class Watched(Gan):
        def loss(self, batch: Batch, player: str, schedule):  # type: ignore[no-untyped-def]
            if schedule.training and player == "critic":
                seen.append(schedule.step)
            return super().loss(batch, player, schedule)

    seed_everything(99)  # what initial weights it is given does not matter any more
    model = Watched() if save_every == 0.0 else gan()
    history = fit(model, TRAIN, VALID, chosen, fabric, scratch, progress=False)
    assert outcome(model, history, tmp_path / "resumed") == expected
    if save_every == 0.0:
        assert seen == list(range(left - 1, 40))
    assert not scratch.exists()


def damaged(content: bytes, how: str) -> bytes:
    """A state file as a failing disk or another program might leave it."""
    return {
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "one bit": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
        "text": b"not a state at all, but quite some text of another kind",
    }[how]


@pytest.mark.parametrize("how", ["truncated", "empty", "one bit", "text"])
def test_a_damaged_state_is_ignored_with_a_warning(
    how: str, fabric: Fabric, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = whole(fabric, tmp_path)
    scratch = tmp_path / "scratch"
    with pytest.raises(KilledError):
        fit(gan(), Interrupted(25), VALID, settings(), fabric, scratch, progress=False, save_every=0.0)
    (scratch / "state").write_bytes(damaged((scratch / "state").read_bytes(), how))
    model = gan()
    history = fit(model, TRAIN, VALID, settings(), fabric, scratch, progress=False)
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        "the saved state is damaged; training starts afresh"
    ]
    assert outcome(model, history, tmp_path / "afresh") == expected


def test_a_state_of_another_model_is_ignored_with_a_warning(
    fabric: Fabric, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = whole(fabric, tmp_path)
    scratch = tmp_path / "scratch"

    class Wider(Gan):
        def __init__(self) -> None:
            super().__init__()
            self.critic[-1] = torch.nn.Linear(16, 2)

    with pytest.raises(KilledError):
        fit(Wider(), Interrupted(25), VALID, settings(), fabric, scratch, progress=False, save_every=0.0)
    model = gan()
    history = fit(model, TRAIN, VALID, settings(), fabric, scratch, progress=False)
    assert len(caplog.records) == 1
    assert "does not fit" in caplog.text
    assert outcome(model, history, tmp_path / "afresh") == expected


def test_a_kill_while_writing_leaves_the_old_state(tmp_path: Path) -> None:
    file = StateFile(tmp_path, 0.0)
    file.write({"a": torch.arange(3)}, {"step": 1})
    (tmp_path / "state.draft").write_bytes(b"half of the next")
    read = file.read()
    assert read is not None
    assert read[1] == {"step": 1}
    assert torch.equal(read[0]["a"], torch.arange(3))
    file.delete()
    assert not tmp_path.exists()


def test_the_clock(tmp_path: Path) -> None:
    assert StateFile(tmp_path, 0.0).due()
    late, early = StateFile(tmp_path, 0.2), StateFile(tmp_path, 60.0)
    assert not late.due()
    time.sleep(0.1)
    assert late.due(epoch_end=True)
    assert not late.due()
    time.sleep(0.15)
    assert late.due()
    late.write({}, {})
    assert not late.due()
    assert not early.due(epoch_end=True)


def test_the_folder_is_named_by_what_the_training_depends_on(tmp_path: Path) -> None:
    key = {"parameters": {"z": 16, "lr": 0.001}, "code": "ab", "data": "cd"}
    folder = state_folder(tmp_path, "srnn", **key)
    assert folder == state_folder(tmp_path, "srnn", data="cd", code="ab", parameters={"lr": 0.001, "z": 16})
    assert folder.name.startswith("srnn-")
    others = [{**key, "code": "ac"}, {**key, "data": "ce"}, {**key, "parameters": {"z": 17, "lr": 0.001}}]
    assert len({folder, *(state_folder(tmp_path, "srnn", **other) for other in others)}) == 4


def test_the_state_is_removed_only_after_finish(fabric: Fabric, tmp_path: Path) -> None:
    """A kill while the checkpoint is written costs nothing: the state is still there to go on from."""
    scratch = tmp_path / "scratch"

    def killed(history: History) -> None:
        assert written(scratch) > 0
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(gan(), TRAIN, VALID, settings(), fabric, scratch, progress=False, save_every=0.0, finish=killed)
    assert written(scratch) > 0
    finished: list[History] = []
    fit(gan(), TRAIN, VALID, settings(), fabric, scratch, progress=False, finish=finished.append)
    assert len(finished) == 1
    assert not scratch.exists()
