"""What is saved is what is loaded, every tensor of it; anything else is one clear line."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Data
from speech_factorization.training.checkpoints import (
    about_data,
    count_parameters,
    data_of,
    load,
    restore,
    save,
)
from tests.training.toys import Gan

DATA = Data({"speaker": ("b", "a"), "phone": ("aa", "sil")}, (20, 200))


class Tied(nn.Module):
    """One matrix under two names, a transposed one, an LSTM, buffers, an empty one."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.output = nn.Linear(3, 5, bias=False)
        self.output.weight = self.embedding.weight
        self.turned = nn.Parameter(torch.randn(4, 2).T)
        self.lstm = nn.LSTM(3, 2, bidirectional=True)
        self.register_buffer("count", torch.tensor(7))
        self.register_buffer("none", torch.zeros(0))


def test_round_trip(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints" / "gan"
    model, other = Gan(), Gan()
    about = {"model": "gan", "data": about_data(DATA), "seed": 1, "best_epoch": 3}
    save(folder, model, about)
    state, read = load(folder)
    restore(other, state, folder)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    assert read == {**about, "parameters": count_parameters(model)}
    assert data_of(read) == DATA
    assert list(data_of(read).factors) == ["speaker", "phone"]
    assert sorted(path.name for path in folder.iterdir()) == ["about.json", "model.safetensors"]


def test_equal_models_give_equal_bytes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = Tied()
    second = Tied()
    second.load_state_dict(first.state_dict())
    for name, model in (("a", first), ("b", second)):
        save(tmp_path / name, model, {})
    content = [(tmp_path / name / "model.safetensors").read_bytes() for name in "ab"]
    assert content[0] == content[1]


def test_tied_tensors_are_stored_once_and_stay_tied(tmp_path: Path) -> None:
    model, other = Tied(), Tied()
    save(tmp_path / "tied", model, {})
    stored = load_file(tmp_path / "tied" / "model.safetensors")
    assert ("output.weight" in stored) + ("embedding.weight" in stored) == 1
    state, about = load(tmp_path / "tied")
    assert about["parameters"] == sum({id(p): p.numel() for p in model.parameters()}.values())
    restore(other, state)
    assert other.output.weight is other.embedding.weight
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_a_model_without_tensors(tmp_path: Path) -> None:
    save(tmp_path / "none", nn.Identity(), {"model": "identity"})
    state, about = load(tmp_path / "none")
    assert (state, about) == ({}, {"model": "identity", "parameters": 0})
    restore(nn.Identity(), state)


def test_missing_or_damaged_files_are_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "srnn"
    with pytest.raises(InputError, match=r"srnn: no trained model here; run dvc repro train@srnn$"):
        load(folder)
    save(folder, Gan(), {})
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(InputError, match=r"model\.safetensors: not a whole safetensors file .*train@srnn$"):
        load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"srnn: model\.safetensors is missing; run dvc repro train@srnn$"):
        load(folder)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "about.json").write_text('{"model"')
    with pytest.raises(InputError, match=r"about\.json: not JSON .*train@srnn$"):
        load(folder)


def test_weights_that_do_not_fit_are_one_line_and_change_nothing(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    good = {"weight": torch.ones(2, 3), "bias": torch.ones(2)}
    cases = {
        "bias is missing": {"weight": good["weight"]},
        "scale is unknown to the model": {**good, "scale": torch.ones(1)},
        r"weight is \(1, 3\) torch.float32, in the model \(2, 3\) torch.float32": {
            **good,
            "weight": torch.ones(1, 3),
        },
        r"bias is \(2,\) torch.float64, in the model \(2,\) torch.float32": {
            **good,
            "bias": torch.ones(2, dtype=torch.float64),
        },
    }
    for message, state in cases.items():
        with pytest.raises(InputError, match=f"^here: the weights do not fit the model: {message}; train"):
            restore(model, state, "here")
        assert torch.equal(model.weight, before)
    with pytest.raises(InputError, match=r"a is unknown.*, b is unknown.*, bias is missing and 1 more;"):
        restore(model, {"a": torch.ones(1), "b": torch.ones(1)})
    restore(model, good)
    assert torch.equal(model.weight, good["weight"])


def test_nothing_is_left_of_a_checkpoint_that_cannot_be_described(tmp_path: Path) -> None:
    save(tmp_path / "vae", nn.Linear(1, 1), {"seed": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save(tmp_path / "vae", nn.Linear(2, 2), {"loss": float("nan")})
    assert json.loads((tmp_path / "vae" / "about.json").read_text())["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["vae"]


def test_foreign_safetensors_need_no_aliases(tmp_path: Path) -> None:
    save(tmp_path / "plain", nn.Linear(1, 1), {})
    save_file({"weight": torch.ones(1, 1), "bias": torch.ones(1)}, tmp_path / "plain" / "model.safetensors")
    assert sorted(load(tmp_path / "plain")[0]) == ["bias", "weight"]
