"""denoise: white noise taken out of a vowel by a shift of its code."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speech_factorization.cli.resynthesize import check_model, check_target, write_sound
from speech_factorization.cli.vowels import load_code, read_vowel
from speech_factorization.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from speech_factorization.features.vowel_code import VowelCode

__all__ = ["denoise"]

STRONGEST = 3.0
FADE = 80  # samples, 5 ms
BATCH = 256
LIMIT = 2000


def denoise(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    strength: Annotated[float, typer.Option(help="Share b of the displacement that is taken back.")] = 0.8,
    snr: Annotated[
        float | None, typer.Option(help="Signal-to-noise ratio of IN in dB; else anything from 0 to 20.")
    ] = None,
    begin: Annotated[float, typer.Option(help="Where the vowel begins, in seconds.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Where it ends, in seconds; else at IN's end.")] = None,
    model: Annotated[str, typer.Option(help="A trained model of vowels.")] = "glow",
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
    prepared: Annotated[Path, typer.Option(help="Where the corpus is prepared.")] = Path("prepared"),
) -> None:
    """Take white noise out of the vowel in IN, from --begin to --end, and write all of it to OUT.

    What noise does to codes is learned from the training vowels in --prepared, to which some is added. The phase is
    IN's; the level is IN's, unless OUT would clip.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    if not 0 <= strength <= STRONGEST:
        raise InputError(f"a strength of {strength:g}", "--strength", f"name one from 0 to {STRONGEST:g}")
    if snr is not None and not -20 <= snr <= 60:
        raise InputError(f"a ratio of {snr:g} dB", "--snr", "name one from -20 to 60")
    vowel = read_vowel(source, begin, end)
    code = load_code(checkpoints, model)
    from speech_factorization.evaluation.experiments.vowels.denoising import shifted
    from speech_factorization.features.vowel_sound import wave_of
    from speech_factorization.features.vowels import BINS

    xi = _displacement(code, prepared, snr)
    (x,) = shifted(code, vowel.picture, vowel.lengths, [-strength * xi])
    original = vowel.spectrum
    clean = wave_of(x[0, : len(original), :BINS], original)
    wave = vowel.wave.clone()
    ramp = _ramp(len(clean))
    part = slice(vowel.begin, vowel.begin + len(clean))
    wave[part] += ramp * (clean - wave[part])
    wave = wave / vowel.scale
    peak = float(wave.abs().max())
    if peak > 1:
        print("all of OUT is quieter than IN: what was changed would clip", file=sys.stderr)
    write_sound(target, (wave / max(peak, 1)).numpy())


def _ramp(samples: int) -> "Tensor":
    """One, faded over 5 ms at both ends, [samples]."""
    import torch

    at = torch.arange(samples) + 0.5
    return (torch.minimum(at, samples - at) / FADE).clamp(max=1)


def _displacement(code: "VowelCode", prepared: Path, snr: float | None) -> "Tensor":
    """xi [D] from training vowels. Errors: there are none prepared."""
    from speech_factorization.corpora.tables import Corpus, read_table
    from speech_factorization.evaluation.experiments.vowels import denoising
    from speech_factorization.evaluation.experiments.vowels.common import gather, scaled
    from speech_factorization.features.archives import Archive
    from speech_factorization.features.batches import VowelBatches

    folder, corpus = prepared / "spectrograms" / "vowels", Corpus(prepared / "corpus")
    table = read_table(folder / "vowels.csv")
    rows = table[table["split"] == "train"].reset_index(drop=True)
    if rows.empty:
        raise InputError(
            "no training vowels", folder / "vowels.csv", "run dvc repro on a corpus that has some"
        )
    batches = VowelBatches(Archive(folder / "vowels"), rows, {}, BATCH)(0)
    train = gather(code, batches, rows, LIMIT, seed=0)
    between = denoising.ANY_LEVEL if snr is None else (snr, snr)
    found = denoising.displacement(
        {"own": code}, train, lambda utterance: scaled(corpus.wave(utterance)), 0, between
    )
    return found["own"]
