"""Flows through the training loop and the checkpoints; their start from data of any length."""

import importlib
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from speech_factorization.interfaces import Batch
from speech_factorization.trained import load_model
from speech_factorization.training.checkpoints import about_data, save
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.settings import TrainSettings
from tests.flow.toys import additive, at, data

SETTINGS = TrainSettings(batch=64, epochs=4, patience=4, learning_rate=3e-3, clip=5.0, schedule="cosine")
SMALL: dict[str, Any] = {"dimensions": 8, "couplings": 4, "hidden": [16]}
HP: dict[str, dict[str, Any]] = {
    "nf": {},
    "dnf_phone": {"discriminative": 5.0},
    "dnf_speaker": {"front": "random"},
    "fdnf": {"discriminative": 5.0, "parts": {"phone": 2, "speaker": None}},
}
every_model = pytest.mark.parametrize("name", HP)

OF = data()
BATCHES = additive(OF, count=640, noise=2.0)[0]
TRAIN, VALID = BATCHES[:7], BATCHES[7:]


def train(name: str, folder: Path, seed: int = 0) -> History:
    """A few epochs, and the checkpoint."""
    module = importlib.import_module(f"speech_factorization.models.{name}")
    hp = module.Hyperparameters(**SMALL, **HP[name])
    torch.manual_seed(seed)
    model = module.Model(hp, OF)
    fabric = make_fabric("cpu", 1, "fp32")
    history = fit(
        model, lambda epoch: iter(TRAIN), lambda epoch: iter(VALID),
        SETTINGS, fabric, folder / "scratch", seed=seed, progress=False,
    )  # fmt: skip
    about = {"model": name, "hyperparameters": hp.model_dump(mode="json"), "data": about_data(OF)}
    save(folder / name, model, about, history)
    return history


@every_model
def test_trained_saved_and_loaded(name: str, tmp_path: Path) -> None:
    history = train(name, tmp_path)
    first, *_, last = history.rows
    assert last["train_loss"] < first["train_loss"]
    assert {"train_nll", "valid_nll", "valid_log_prob"} <= set(first)
    model, _ = load_model(tmp_path / name)
    assert not model.training
    x = VALID[0].x
    torch.testing.assert_close(model.decode(model.encode(x)), x, atol=1e-4, rtol=0)
    with torch.no_grad():
        found = [float(model.loss(batch, "flow", at())["loss"]) for batch in VALID]
    best = min(row["valid_loss"] for row in history.rows)
    assert sum(found) / len(VALID) == pytest.approx(best, rel=1e-5)


def test_the_same_bytes_from_the_same_seed(tmp_path: Path) -> None:
    written = []
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        train("fdnf", tmp_path / folder, seed)
        written.append((tmp_path / folder / "fdnf" / "model.safetensors").read_bytes())
    assert written[0] == written[1] != written[2]


class Stream:
    """Batches made when they are asked for; knows how many of their x were alive at once."""

    def __init__(self, count: int) -> None:
        self.count, self.alive, self.most = count, 0, 0

    def __iter__(self) -> Iterator[Batch]:
        for i in range(self.count):
            batch = additive(OF, count=64, seed=i)[0][0]
            x = batch.x.clone()
            self.alive += 1
            self.most = max(self.most, self.alive)
            weakref.finalize(x, self._gone)
            yield Batch(x, batch.lengths, batch.factors, batch.utterances)

    def _gone(self) -> None:
        self.alive -= 1


@every_model
def test_the_start_keeps_no_batch(name: str) -> None:
    module = importlib.import_module(f"speech_factorization.models.{name}")
    stream = Stream(30)
    module.Model(module.Hyperparameters(**SMALL, **HP[name]), OF).initialise(stream)
    assert stream.most <= 3


@every_model
def test_bf16_leaves_the_bijection_and_the_prior_in_float32(name: str) -> None:
    """Under mixed precision the loss stays near the exact one: only the conditioners compute in bf16."""
    module = importlib.import_module(f"speech_factorization.models.{name}")
    torch.manual_seed(0)
    model = module.Model(module.Hyperparameters(**SMALL, **HP[name]), OF)
    model.initialise(TRAIN)
    exact = model.loss(VALID[0], "flow", at())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.loss(VALID[0], "flow", at())
    # The couplings start as the identity, so there is nothing that bf16 could change.
    assert all(torch.equal(exact[key], mixed[key]) for key in exact)
    assert mixed["loss"].dtype == torch.float32
