"""A trained model in a folder: model.safetensors and about.json, nothing pickled."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.files import new_folder, read_json, write_json
from speech_factorization.interfaces import Data
from speech_factorization.training.history import History
from speech_factorization.training.tensors import copies, tied, untied

__all__ = ["about_data", "count_parameters", "data_of", "load", "restore", "save"]


def count_parameters(model: nn.Module) -> int:
    """How many numbers a model learns; a tied parameter counts once, a frozen one not at all."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def about_data(data: Data) -> dict[str, Any]:
    """`Data` as JSON; factors are a list, since their order may matter and a JSON object has none."""
    factors = [{"name": name, "classes": list(classes)} for name, classes in data.factors.items()]
    parts = {"parts": {name: dict(part) for name, part in data.parts.items()}} if data.parts else {}
    return {"factors": factors, "shape": list(data.shape), **parts}


def data_of(about: Mapping[str, Any]) -> Data:
    """The `Data` that `about["data"]` describes."""
    data = about["data"]
    factors = {factor["name"]: tuple(factor["classes"]) for factor in data["factors"]}
    return Data(factors=factors, shape=tuple(data["shape"]), parts=data.get("parts", {}))


def save(folder: Path, model: nn.Module, about: Mapping[str, Any], history: History | None = None) -> None:
    """Write the folder, whole or not at all: all parameters and buffers, `about`, and curves.csv.

    about: JSON values: model, hyperparameters, data (see about_data), corpus, scale, seed, epochs,
    best_epoch; `parameters`, their count, is added here.
    """
    aliases = tied(model)
    tensors = {name: tensor.cpu() for name, tensor in copies(model).items()}
    with new_folder(folder) as draft:
        save_file(tensors, draft / "model.safetensors", {"aliases": json.dumps(aliases, sort_keys=True)})
        write_json(draft / "about.json", {**about, "parameters": count_parameters(model)})
        if history is not None:
            history.write_csv(draft / "curves.csv")


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state dict (on the CPU) and the description that `save` wrote.

    Errors: InputError if the folder or a file is missing or damaged.
    """
    remedy = f"run dvc repro train@{folder.name}"
    if not folder.is_dir():
        raise InputError("no trained model here", folder, remedy)
    for name in ("model.safetensors", "about.json"):
        if not (folder / name).is_file():
            raise InputError(f"{name} is missing", folder, remedy)
    try:
        about = read_json(folder / "about.json")
    except ValueError as error:
        raise InputError(f"not JSON ({error})", folder / "about.json", remedy) from None
    try:
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
            aliases = json.loads((file.metadata() or {}).get("aliases", "{}"))
        return untied(tensors, aliases), about
    except (SafetensorError, ValueError, KeyError) as error:
        where = folder / "model.safetensors"
        raise InputError(f"not a whole safetensors file ({error})", where, remedy) from None


def restore(model: nn.Module, state: Mapping[str, Tensor], where: object = "checkpoint") -> None:
    """Load a state dict: every tensor of both sides is used, every shape and type is the model's.

    Errors: InputError that names the tensors that do not fit; the model is then unchanged.
    """
    own = model.state_dict()
    faults = [f"{name} is missing" for name in own if name not in state]
    faults += [f"{name} is unknown to the model" for name in state if name not in own]
    for name in own.keys() & state.keys():
        here, there = own[name], state[name]
        if here.shape != there.shape or here.dtype != there.dtype:
            sizes = f"{tuple(there.shape)} {there.dtype}, in the model {tuple(here.shape)} {here.dtype}"
            faults.append(f"{name} is {sizes}")
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        what = f"the weights do not fit the model: {', '.join(sorted(faults)[:3])}{more}"
        raise InputError(what, where, "train it again with these hyperparameters and this data")
    model.load_state_dict(dict(state))
