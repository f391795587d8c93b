"""interpolate: from one vowel to another, through a model's code."""

from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.resynthesize import check_model, check_target, write_sound
from speech_factorization.cli.vowels import load_code, read_vowel
from speech_factorization.errors import InputError

__all__ = ["check_weights", "interpolate"]

MOST = 101


def interpolate(
    a: Annotated[Path, typer.Argument(metavar="A", help="A mono sound file; it gives phase and length.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    weights: Annotated[str, typer.Option(help="Weights of B, with commas between.")] = "0,.25,.5,.75,1",
    part_a: Annotated[
        tuple[float, float] | None, typer.Option(help="Begin and end of the vowel in A, in seconds.")
    ] = None,
    part_b: Annotated[
        tuple[float, float] | None, typer.Option(help="Begin and end of the vowel in B, in seconds.")
    ] = None,
    sphere: Annotated[bool, typer.Option(help="Along the sphere, not along a straight line.")] = False,
    model: Annotated[str, typer.Option(help="A trained model of vowels.")] = "glow",
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Write the vowels on the way from A to B, one after the other, to OUT.

    A and B hold one vowel each, of 288 ms at most, or name its place. The vowels have A's phase, length and level,
    unless OUT would clip.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    chosen = check_weights(weights)
    import torch

    from speech_factorization.evaluation.experiments.vowels.figures import played
    from speech_factorization.evaluation.experiments.vowels.interpolation import linear, slerp
    from speech_factorization.features.vowel_sound import wave_of
    from speech_factorization.features.vowels import BINS

    vowels = []
    for source, part, option in ((a, part_a, "--part-a"), (b, part_b, "--part-b")):
        begin, end = part or (0.0, None)
        vowels.append(read_vowel(source, begin, end, option))
    code = load_code(checkpoints, model)
    original = vowels[0].spectrum
    ends = [code.encode_image(*code.image(vowel.picture, vowel.lengths)) for vowel in vowels]
    w = torch.tensor(chosen)[:, None]
    z = (slerp if sphere else linear)(ends[0].expand(len(w), -1), ends[1].expand(len(w), -1), w)
    lengths = vowels[0].lengths.expand(len(w))
    x = code.picture(code.decode_image(z, code.front.mask(lengths, z)), lengths)
    sounds = [wave_of(picture[: len(original), :BINS], original) / vowels[0].scale for picture in x]
    out = played(sounds)
    write_sound(target, (out / out.abs().max().clamp(min=1)).numpy())


def check_weights(text: str) -> list[float]:
    """The weights in a list with commas. Errors: one that is no number from 0 to 1; too many."""
    try:
        found = [float(weight) for weight in text.split(",")]
    except ValueError:
        raise InputError(f"no list of numbers: {text!r}", "--weights", "give e.g. 0,.5,1") from None
    if not all(0 <= weight <= 1 for weight in found) or len(found) > MOST:
        raise InputError(f"{text!r}", "--weights", f"give at most {MOST} numbers from 0 to 1")
    return found
