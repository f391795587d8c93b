"""manipulate: a sound whose phone, speaker or another factor is changed by a model."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.resynthesize import check_model, check_target, write_sound
from speech_factorization.errors import InputError

__all__ = ["manipulate"]

STRONGEST = 9


def manipulate(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    factor: Annotated[str, typer.Option(help="What is changed: phone, speaker ...")],
    from_class: Annotated[str, typer.Option("--from", help="The class it is taken for, e.g. aa.")],
    to_class: Annotated[str, typer.Option("--to", help="The class it is changed to, e.g. iy.")],
    model: Annotated[
        str, typer.Option(help="A trained model that has learned class means, e.g. fdnf.")
    ] = "fdnf",
    begin: Annotated[float, typer.Option(help="Where the change begins, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Where it ends, in seconds; else at IN's end.")] = None,
    strength: Annotated[float, typer.Option(help="Scale of the change.")] = 1.0,
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Change a factor of IN from one class to another, and write it to OUT.

    200 ms at a time, the code is moved from the mean of one class to that of the other, as the model has
    learned them. All of IN is changed, or what lies from --begin to --end: name the place of a phone so. The
    phase is IN's; the level is IN's, unless OUT would clip.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    if not 0 <= strength <= STRONGEST:
        raise InputError(f"a strength of {strength:g}", "--strength", f"name one from 0 to {STRONGEST}")
    if from_class == to_class:
        raise InputError(f"both are {to_class}", "--from, --to", "name two classes")
    import numpy as np
    import torch

    from speech_factorization.corpora.audio import read_audio
    from speech_factorization.corpora.base import SAMPLE_RATE
    from speech_factorization.evaluation.experiments.convert import Sound, change
    from speech_factorization.evaluation.experiments.shift import learned_means, needs
    from speech_factorization.trained import load_model
    from speech_factorization.training.checkpoints import data_of

    wave = torch.from_numpy(read_audio(source).astype(np.float32) / 32768)
    stretches = check_stretch(begin, end, len(wave), SAMPLE_RATE)
    trained, about = load_model(checkpoints / model)
    means = {} if needs(trained) else learned_means(trained)
    if factor not in means:
        what = f"{model} has learned no class means of {factor!r}"
        remedy = f"of {' and '.join(means)} it has" if means else "name a model that has, e.g. fdnf"
        raise InputError(what, checkpoints / model, remedy)
    classes = data_of(about).factors[factor]
    a, b = (check_class(name, classes, factor) for name in (from_class, to_class))
    shift = strength * (means[factor][b] - means[factor][a])
    sound = Sound.of(wave)
    changed = sound.wave(change(trained, sound.x, shift, stretches))
    peak = float(changed.abs().max())
    if peak > 1:
        quieter = 20 * np.log10(peak)
        print(f"all of OUT is {quieter:.1f} dB quieter than IN: what was changed would clip", file=sys.stderr)
    write_sound(target, (changed / max(peak, 1)).numpy())


def check_stretch(
    begin: float, end: float | None, samples: int, rate: int, where: str = "--begin, --end"
) -> list[tuple[int, int]] | None:
    """Begin and end of what is changed, in samples; None where that is everything.

    begin, end: in seconds; where: the options they come from. Error: they are not within the sound, one before the
    other.
    """
    seconds = samples / rate
    last = seconds if end is None else end
    if not 0 <= begin < last <= seconds:
        what = f"from {begin:g} to {last:g} s of a sound of {seconds:g} s"
        raise InputError(what, where, "name a stretch within the sound, begin before end")
    return None if (begin, last) == (0, seconds) else [(round(rate * begin), round(rate * last))]


def check_class(name: str, classes: tuple[str, ...], factor: str) -> int:
    """The index of a class. Error: the model knows none of this name."""
    if name not in classes:
        raise InputError(f"no {factor} {name!r}", "--from, --to", f"there are {', '.join(classes)}")
    return classes.index(name)
