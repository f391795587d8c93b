"""A trained model from its checkpoint: where models and checkpoints meet, for stages and the command line."""

import importlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import nn

from speech_factorization import parameters
from speech_factorization.errors import InputError
from speech_factorization.files import read_json
from speech_factorization.training import checkpoints

__all__ = ["describe", "load_model"]


def describe(folder: Path) -> dict[str, Any]:
    """What the checkpoint in checkpoints/NAME says of itself; `skipped` is why there was nothing to train on.

    Errors: InputError for a description that is missing, damaged, or of a model that is not there.
    """
    path, remedy = folder / "about.json", f"run dvc repro train@{folder.name}"
    if not path.is_file():
        raise InputError("no trained model here", folder, remedy)
    try:
        about = read_json(path)
    except ValueError as error:
        raise InputError(f"not JSON ({error})", path, remedy) from None
    name = about.get("model") if isinstance(about, dict) else None
    if name not in parameters.models():
        raise InputError(f"no such model {name!r}", path, f"there are: {', '.join(parameters.models())}")
    return dict(about)


def load_model(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The model in checkpoints/NAME with its weights, in evaluation mode on the CPU, and its description.

    Errors: InputError for a checkpoint that is missing, damaged, skipped, or of a model that is not there.
    """
    about = describe(folder)
    if "skipped" in about:
        raise InputError(f"not trained: {about['skipped']}", folder, "train it on another corpus")
    state, about = checkpoints.load(folder)
    module = importlib.import_module(f"speech_factorization.models.{about['model']}")
    try:
        hyperparameters = module.Hyperparameters.model_validate(about["hyperparameters"])
        model: nn.Module = module.Model(hyperparameters, checkpoints.data_of(about))
    except (KeyError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        if isinstance(error, ValidationError):
            said = ", ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        remedy = f"run dvc repro train@{folder.name}"
        raise InputError(
            f"does not describe a model of today's code ({said})", folder / "about.json", remedy
        ) from None
    checkpoints.restore(model, state, folder)
    return model.eval(), about
