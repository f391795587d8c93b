"""A trained model from its checkpoint: where models and checkpoints meet, for stages and the command line."""

import importlib
from pathlib import Path
from typing import Any

from torch import nn

from speech_factorization import parameters
from speech_factorization.errors import InputError
from speech_factorization.training import checkpoints

__all__ = ["load_model"]


def load_model(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The model in checkpoints/NAME with its weights, in evaluation mode on the CPU, and its description.

    Errors: InputError for a checkpoint that is missing, damaged, or of a model that is not there.
    """
    state, about = checkpoints.load(folder)
    name = about["model"]
    if name not in parameters.models():
        raise InputError(f"no such model {name!r}", folder, f"there are: {', '.join(parameters.models())}")
    module = importlib.import_module(f"speech_factorization.models.{name}")
    hyperparameters = module.Hyperparameters.model_validate(about["hyperparameters"])
    model: nn.Module = module.Model(hyperparameters, checkpoints.data_of(about))
    checkpoints.restore(model, state, folder)
    return model.eval(), about
