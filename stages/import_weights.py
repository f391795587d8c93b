"""import_weights: the authors' weights of a dynamical VAE as checkpoints/MODEL.

    python -m stages.import_weights MODEL FILE

FILE is a state dict that torch.save wrote; it fixes the sizes, so hp.MODEL in params.yaml does not count: the
model has the published ones, its Hyperparameters' defaults, and takes the published spectrogram of 257 bins.
What was imported before is replaced, a model trained here is not: it may be the only copy.
No stage of DVC: `python -m stages.evaluate MODEL` evaluates what was imported, `dvc repro` trains it anew.
"""

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Any

from speech_factorization import parameters
from speech_factorization.dynamical.published import load_published, read_published
from speech_factorization.errors import InputError
from speech_factorization.features.stft import FFT
from speech_factorization.files import read_json
from speech_factorization.interfaces import Data
from speech_factorization.training import checkpoints
from stages import CHECKPOINTS, run

__all__ = ["DATA", "published_model"]

DATA = Data({}, (FFT // 2 + 1,))
"""What the published networks are told of their data."""


def published_model(name: str, path: Path) -> tuple[Any, Any]:
    """The model at its published sizes with the weights of `path`, in evaluation mode, and these sizes.

    Errors: no such model, one of which none were published, or weights that are not all of its own.
    """
    module = importlib.import_module(f"speech_factorization.models.{name}")
    names = getattr(module.Model, "published", None)
    if names is None:
        raise InputError("no weights of this model were published", name, "train it")
    hyperparameters = module.Hyperparameters()
    model = module.Model(hyperparameters, DATA)
    load_published(model, names, read_published(path), path)
    return model.eval(), hyperparameters


def arguments() -> tuple[str, Path]:
    """MODEL and FILE of the command line. Errors: other than two arguments, or no such model."""
    there = ", ".join(parameters.models())
    if len(sys.argv) != 3:
        raise InputError(f"{len(sys.argv) - 1} arguments", "command line", "give MODEL FILE")
    name, file = sys.argv[1:]
    if name not in parameters.models():
        raise InputError(f"no such model: {name}", "command line", f"name one of {there}")
    return name, Path(file)


def check_target(folder: Path) -> None:
    """Error: the folder holds a model trained here, or one that does not say where it comes from."""
    path = folder / "about.json"
    if not path.is_file():
        return
    try:
        about = read_json(path)
    except ValueError:
        about = {}
    # A model that was skipped has no weights to lose.
    if not {"imported", "skipped"} & set(about):
        raise InputError("holds a model trained here", folder, "move it away first")


def main() -> None:
    """Write checkpoints/MODEL: weights, and a description with the file's name and SHA-256.

    No corpus, scale or seed is claimed: the file does not say what the weights were trained on, and how.
    """
    name, path = arguments()
    check_target(CHECKPOINTS / name)
    model, hyperparameters = published_model(name, path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    about = {
        "model": name,
        "hyperparameters": hyperparameters.model_dump(mode="json"),
        "data": checkpoints.about_data(DATA),
        "imported": {"file": path.name, "sha256": sha256},
    }
    checkpoints.save(CHECKPOINTS / name, model, about)


if __name__ == "__main__":
    run(main, "import_weights")
