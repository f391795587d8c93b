"""decompress: a file of codes as a sound again."""

from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.compress import check_counts, read_code, report
from speech_factorization.cli.resynthesize import check_model, check_target

__all__ = ["decompress"]


def decompress(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file of codes that `compress` wrote.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The sound file to write, 16 kHz.")],
    voice_of: Annotated[
        Path | None, typer.Option(help="The file of codes that has the voice, where IN only names it.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model IN was compressed with.")] = "speech_resynthesis",
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Speak what the codes in IN say, write it to OUT, and say how many bits a second IN takes.

    The level is that of the sound that was compressed, unless OUT would clip.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_target(target)
    check_model(checkpoints, model)
    data = read_code(source)
    known = read_code(voice_of) if voice_of else b""
    import torch

    from speech_factorization.cli.units import load_speaking, write_wave
    from speech_factorization.resynthesis.bitstream import Header, read

    Header.read(data, source)
    voice = Header.read(known, voice_of).voice if voice_of else None
    speaking = load_speaking(checkpoints, model, "decompress")
    check_counts(speaking, checkpoints / model, "decompress")
    codes = read(data, speaking.counts.tables(), voice, source)
    with torch.no_grad():
        write_wave(target, speaking.decode(codes))
    report(source, data)
