"""convert: a sound spoken in another's voice."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.resynthesize import check_model, check_target

__all__ = ["convert"]

ENOUGH = 2.0
"""Seconds of speech under which a voice is told by little."""


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    to: Annotated[
        list[Path], typer.Option(help="A recording of the voice to speak in; give it again for several.")
    ],
    model: Annotated[str, typer.Option(help="A trained model of discrete units.")] = "speech_resynthesis",
    keep_pitch: Annotated[bool, typer.Option("--keep-pitch", help="Speak as high as IN does.")] = False,
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Speak IN in the voice of --to, and write it to OUT.

    What is said and how F0 moves are IN's; the voice, and how high and lively it is, those of the recordings of
    --to, of whomever: they need not be of the corpus. The level is IN's, unless OUT would clip.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    import numpy as np
    import torch

    from speech_factorization.cli.units import (
        load_speaking,
        read_wave,
        say_whispered,
        track_pitch,
        write_wave,
    )
    from speech_factorization.corpora.base import SAMPLE_RATE
    from speech_factorization.resynthesis.pitch.statistics import of_f0

    wave = read_wave(source)
    recordings = [read_wave(path) for path in to]
    speaking = load_speaking(checkpoints, model, "convert")
    seconds = sum(map(len, recordings)) / SAMPLE_RATE
    if seconds < ENOUGH:
        said = f"--to has {seconds:.1f} s of sound: a voice is told better by {ENOUGH:g} s or more"
        print(said, file=sys.stderr)
    say_whispered(speaking, wave)
    with torch.no_grad():
        voices = [speaking.speaker.embed(torch.from_numpy(recording)) for recording in recordings]
        voice = torch.nn.functional.normalize(torch.stack(voices).mean(0), dim=0)
        codes = speaking.encode(torch.from_numpy(wave), speaker=voice)
    statistics = codes.statistics
    if not keep_pitch:
        tracked = [track_pitch(speaking, recording) for recording in recordings]
        voiced = [f0 for f0 in tracked if f0 is not None]
        if not voiced:
            print("--to has hardly any voiced sound: OUT is as high as IN", file=sys.stderr)
        statistics = (of_f0(np.concatenate(voiced)) if voiced else None) or statistics
    with torch.no_grad():
        changed = speaking.decode(replace(codes, statistics=statistics))
    write_wave(target, changed)
