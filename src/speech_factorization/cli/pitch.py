"""pitch: a sound at another height, or all at one."""

import math
from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.resynthesize import check_model, check_target
from speech_factorization.errors import InputError

__all__ = ["pitch"]

FARTHEST = 24.0


def pitch(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    semitones: Annotated[
        float | None, typer.Option(help="How much higher, lower where negative: 12 is an octave.")
    ] = None,
    flat: Annotated[bool, typer.Option("--flat", help="All at one height, the mean of IN.")] = False,
    model: Annotated[str, typer.Option(help="A trained model of discrete units.")] = "speech_resynthesis",
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Speak IN at another height (--semitones), or all at one (--flat), and write it to OUT.

    The voice and what is said are IN's. The level is IN's, unless OUT would clip.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    if (semitones is None) != flat:
        raise InputError("name one of the two", "--semitones, --flat", "e.g. --semitones 3")
    if semitones is not None and not (math.isfinite(semitones) and abs(semitones) <= FARTHEST):
        what = f"{semitones:g} semitones"
        raise InputError(what, "--semitones", f"name from {-FARTHEST:g} to {FARTHEST:g}")
    check_target(target)
    check_model(checkpoints, model)
    import torch

    from speech_factorization.cli.units import load_speaking, read_wave, track_pitch, write_wave
    from speech_factorization.resynthesis.prosody import flattened_codes, shifted_codes

    wave = read_wave(source)
    speaking = load_speaking(checkpoints, model, "change the pitch")
    f0 = track_pitch(speaking, wave)
    if f0 is None:
        raise InputError(
            "hardly any voiced sound, so no pitch to change", source, "give a sound that is not whispered"
        )
    with torch.no_grad():
        codes = speaking.encode(torch.from_numpy(wave))
        if semitones is None:
            changed = flattened_codes(speaking, codes, f0)
        else:
            changed = shifted_codes(speaking, codes, f0, semitones)
        write_wave(target, speaking.decode(changed))
