"""resynthesize: a sound through a model's code and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from speech_factorization.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["check_model", "check_target", "resynthesize", "write_sound"]

# Kinds of file that keep the sampling rate; libsndfile writes others that do not.
ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".au")


def resynthesize(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    model: Annotated[
        str, typer.Option(help="A trained model of utterances or waves, e.g. srnn or speech_resynthesis.")
    ],
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Encode IN with MODEL, decode it, and write what comes out to OUT.

    The power spectrogram goes through the model; the phase is IN's. Of a model of waves nothing of IN is left but
    its codes: units, pitch, speaker. The level of IN is kept.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    import numpy as np
    import torch

    from speech_factorization.cli.units import read_wave, say_whispered, write_wave
    from speech_factorization.evaluation.experiments.resynthesis import needs, reconstruct
    from speech_factorization.features.stft import unit_peak
    from speech_factorization.trained import load_model

    wave = read_wave(source)
    trained: Any = load_model(checkpoints / model)[0]
    if "waves" in trained.inputs:
        say_whispered(trained, wave)
        with torch.no_grad():
            write_wave(target, trained.decode(trained.encode(torch.from_numpy(wave))))
        return
    reason = needs(trained)
    if reason:
        raise InputError(
            f"{model} cannot resynthesize: it {reason}",
            checkpoints / model,
            "name a model that takes utterances or waves",
        )
    (estimate,) = reconstruct(trained, [unit_peak(wave).astype(np.float32)])
    level = float(np.abs(wave).max())
    write_sound(target, np.clip(estimate * level, -1, 1))


def check_target(target: Path) -> None:
    """Error: OUT has an ending that is no kind of sound file, or lies in no folder."""
    if target.suffix.lower() not in ENDINGS:
        raise InputError(f"unknown ending {target.suffix!r}", target, f"use {', '.join(ENDINGS)}")
    if target.is_dir():
        raise InputError("is a folder", target, "name a file in it")
    if not target.parent.is_dir():
        raise InputError("the folder does not exist", target.parent, "create it first")


def check_model(checkpoints: Path, model: str) -> None:
    """Error: no model of this name has been trained; says which ones have."""
    there = sorted(path.parent.name for path in checkpoints.glob("[!.]*/about.json"))
    if model not in there:
        known = f"use {' or '.join(there)}" if there else "name their folder with --checkpoints"
        raise InputError(f"no trained model {model!r} here", checkpoints, f"{known}, or run dvc repro")


def write_sound(target: Path, wave: "NDArray[np.float32]") -> None:
    """Write a wave [samples] in [-1, 1] as 16 kHz sound. Error: the file cannot be written."""
    import soundfile

    from speech_factorization.corpora.base import SAMPLE_RATE
    from speech_factorization.files import new_file

    try:
        with new_file(target) as draft:
            soundfile.write(draft, wave, SAMPLE_RATE)
    except (soundfile.SoundFileError, OSError) as error:
        said = str(error).rpartition(": ")[2]
        raise InputError(f"cannot be written ({said})", target, "name another file, .wav or .flac") from None
