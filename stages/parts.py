"""Parts of speech resynthesis that are trained: killed anywhere and started again, a stage ends with the same ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from speech_factorization.interfaces import Batches
from speech_factorization.parameters import Parameters
from speech_factorization.resynthesis import parts
from speech_factorization.strict import Strict
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.resume import state_folder
from speech_factorization.training.seeds import seed_everything
from speech_factorization.training.settings import TrainSettings
from stages import SCRATCH

__all__ = ["trained_part"]


def trained_part(
    name: str,
    build: Callable[[], nn.Module],
    train: Batches,
    valid: Batches,
    chosen: Strict,
    settings: Parameters,
    seed: int,
    folder: Path,
    draft: str,
    kept: Callable[[Any], nn.Module] | None = None,
) -> Any:
    """What `build` makes, trained, saved in `folder` with curves.csv, and loaded from there: frozen, on the CPU.

    folder: the stage's draft, whose digest is `draft`; what a killed stage left whole there is not trained again.
    kept: the part that is made of what was trained; None: that itself.
    """
    if not (folder / "part.json").is_file():
        seed_everything(seed)
        part = build()
        scratch = state_folder(SCRATCH, f"part-{name}", draft=draft)

        def finish(history: History) -> None:
            history.write_csv(folder / "curves.csv")
            parts.save(folder, kept(part) if kept else part)

        fabric = make_fabric(settings.device, settings.threads)
        # Settings of a part hold more than the loop's, and may leave some of these as they are.
        fields = {key: getattr(chosen, key) for key in TrainSettings.model_fields if hasattr(chosen, key)}
        own = TrainSettings.model_validate(fields)
        fit(part, train, valid, own, fabric, scratch, seed=seed, finish=finish)
    return parts.load(folder)
