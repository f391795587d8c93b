"""train: one model, on CPU or GPU, from its block under hp; killed and started again it goes on.

python -m stages.train MODEL
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from speech_factorization import parameters
from speech_factorization.digest import fingerprint
from speech_factorization.errors import InputError
from speech_factorization.files import new_folder, write_json
from speech_factorization.interfaces import Batches, Data, Inputs
from speech_factorization.training import checkpoints
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.resume import state_folder
from speech_factorization.training.seeds import seed_everything
from stages import CHECKPOINTS, OPAQUE, PARAMS, SCRATCH, argument, run
from stages.data import Missing, Waves, digest, folders, training_batches


def scratch_folder(name: str, kind: Inputs, settings: parameters.Parameters) -> Path:
    """Where this very training keeps its state: another's parameters, code or data give another folder."""
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    return state_folder(
        SCRATCH,
        name,
        parameters={
            key: params[key] for key in ("train", "device", "threads", "precision", "corpus", "scale")
        },
        hyperparameters=params["hp"][name],
        code=fingerprint(["stages.train", f"speech_factorization.models.{name}"], opaque=OPAQUE),
        data=digest(*folders(name, [kind], settings)),
    )


def about(name: str, settings: parameters.Parameters, **more: Any) -> dict[str, Any]:
    """What a checkpoint says of itself."""
    return {
        "model": name,
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": settings.train.seed,
        "hyperparameters": settings.hp[name].model_dump(mode="json"),
        **more,
    }


def first_there(
    name: str, inputs: Sequence[Inputs], settings: parameters.Parameters
) -> tuple[Inputs, Data, Batches, Batches]:
    """The first of the model's inputs that the corpus has, with its data. Errors: Missing if it has none."""
    reasons = []
    for kind in inputs:
        try:
            return kind, *training_batches(name, kind, settings)
        except Missing as why:
            reasons.append(str(why))
    raise Missing("; ".join(reasons))


def build_on(model: Any, waves: Waves) -> None:
    """Give a model the parts that were trained before it, and count the codes they make of training speech."""
    model.adopt(waves.parts)
    for content, pitch in waves.streams("train"):
        model.counts.add(content, pitch)


def main() -> None:
    """Write checkpoints/MODEL: weights, description, curves. Data the corpus lacks: only the reason."""
    settings = parameters.load(PARAMS)
    name = argument("model", parameters.models())
    if name not in settings.hp:
        raise InputError("is missing", f"{PARAMS}: hp.{name}", "give the model its hyperparameters there")
    module = importlib.import_module(f"speech_factorization.models.{name}")
    folder = CHECKPOINTS / name
    fabric = make_fabric(settings.device, settings.threads, settings.precision)
    try:
        kind, data, train, valid = first_there(name, module.Model.inputs, settings)
    except Missing as why:
        if fabric.is_global_zero:
            print(f"train: {name} is skipped: {why}", file=sys.stderr)
            with new_folder(folder) as draft:
                write_json(draft / "about.json", about(name, settings, skipped=str(why)))
        return
    seed_everything(settings.train.seed)
    model = module.Model(settings.hp[name], data)
    if data.parts:
        build_on(model, Waves(settings.hp[name].units))
    chosen, seed = getattr(settings.train, kind), settings.train.seed

    def finish(history: History) -> None:
        described = about(
            name,
            settings,
            data=checkpoints.about_data(data),
            epochs=history.epochs,
            best_epoch=history.best_epoch,
        )
        checkpoints.save(folder, model, described, history)

    fit(model, train, valid, chosen, fabric, scratch_folder(name, kind, settings), seed=seed, finish=finish)


if __name__ == "__main__":
    run(main, f"train-{Path(sys.argv[-1]).name}")
