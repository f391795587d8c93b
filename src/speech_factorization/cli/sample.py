"""sample: vowels drawn from a model."""

from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.resynthesize import check_model, check_target, write_sound
from speech_factorization.cli.vowels import load_code, read_vowel
from speech_factorization.errors import InputError

__all__ = ["sample"]

MOST = 1000
HOTTEST = 3.0
LOUD = 0.5


def sample(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    count: Annotated[int, typer.Option(help="How many vowels.")] = 5,
    temperature: Annotated[
        float, typer.Option(help="Scale of the code; under 1 the samples vary less.")
    ] = 0.7,
    seed: Annotated[int, typer.Option(help="Of the random numbers.")] = 0,
    phase: Annotated[
        Path | None, typer.Option(help="A sound file with one vowel, whose phase and length are taken.")
    ] = None,
    model: Annotated[str, typer.Option(help="A trained model of vowels.")] = "glow",
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Draw vowels and write them to OUT, one after the other, the loudest at half of full scale.

    The model draws spectrograms: their phase is found by Griffin-Lim, or is that of the vowel in --phase.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    if not 1 <= count <= MOST:
        raise InputError(f"{count} vowels", "--count", f"ask for 1 to {MOST}")
    if not 0 <= temperature <= HOTTEST:
        raise InputError(
            f"a temperature of {temperature:g}", "--temperature", f"name one from 0 to {HOTTEST:g}"
        )
    if not 0 <= seed < 2**63:
        raise InputError(f"a seed of {seed}", "--seed", "name one from 0 to 2**63 - 1")
    import torch

    from speech_factorization.evaluation.experiments.vowels.figures import played
    from speech_factorization.features.vowel_sound import by_griffin_lim, wave_of
    from speech_factorization.features.vowels import BINS

    vowel = None if phase is None else read_vowel(phase, option="a file of that vowel alone")
    code = load_code(checkpoints, model)
    generator = torch.Generator().manual_seed(seed)
    lengths = code.sample_lengths(count, generator) if vowel is None else vowel.lengths.expand(count)
    x = code.sample(count, generator, temperature, lengths)
    sounds = []
    for picture, frames in zip(x[:, :, :BINS], lengths.tolist(), strict=True):
        real = picture[:frames]
        sounds.append(by_griffin_lim(real, generator) if vowel is None else wave_of(real, vowel.spectrum))
    out = played(sounds)
    write_sound(target, (LOUD * out / out.abs().max().clamp(min=1e-8)).numpy())
