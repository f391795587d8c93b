"""resynthesize: a sound through a model's code and back."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["resynthesize"]


def resynthesize(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    model: Annotated[str, typer.Option(help="A trained model that takes utterances, e.g. srnn.")],
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Encode IN with MODEL, decode it, and write what comes out to OUT.

    The power spectrogram goes through the model; the phase is IN's. The level of IN is kept.
    """
    # Imported here: `--help` must not wait for torch.
    import numpy as np
    import soundfile

    from speech_factorization.corpora.audio import read_audio
    from speech_factorization.corpora.base import SAMPLE_RATE
    from speech_factorization.errors import InputError
    from speech_factorization.evaluation.experiments.resynthesis import needs, reconstruct
    from speech_factorization.features.stft import unit_peak
    from speech_factorization.files import new_file
    from speech_factorization.trained import load_model

    if target.suffix[1:].upper() not in soundfile.available_formats():
        raise InputError(f"unknown ending {target.suffix!r}", target, "name it .wav or .flac")
    if not target.parent.is_dir():
        raise InputError("the folder does not exist", target.parent, "create it first")
    wave = read_audio(source).astype(np.float32) / 32768
    trained, _ = load_model(checkpoints / model)
    reason = needs(trained)
    if reason:
        raise InputError(f"{model} cannot resynthesize: it {reason}", checkpoints / model, "use vae or srnn")
    (estimate,) = reconstruct(trained, [unit_peak(wave).astype(np.float32)])
    level = float(np.abs(wave).max())
    with new_file(target) as draft:
        soundfile.write(draft, np.clip(estimate * level, -1, 1), SAMPLE_RATE)
