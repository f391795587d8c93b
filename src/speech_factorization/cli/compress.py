"""compress: a sound as a file of codes."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from speech_factorization.cli.resynthesize import check_model
from speech_factorization.errors import InputError

__all__ = ["ENDING", "compress", "read_code", "report"]

ENDING = ".sfc"

ALIKE = 0.5
"""Cosine of speaker vectors under which two sounds are hardly of one speaker."""

LARGEST = 1 << 26
"""Bytes: more than a week of speech takes."""


def compress(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A mono sound file that libsndfile reads.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The file of codes to write, .sfc.")],
    duplicates: Annotated[
        bool,
        typer.Option(
            "--duplicates/--no-duplicates",
            help="Code every unit, or each run of one unit with its duration; decompressed, both are the same.",
        ),
    ] = True,
    voice_of: Annotated[
        Path | None,
        typer.Option(
            help="A file of codes of the same speaker, whose voice OUT then only names: smaller by 256 bytes."
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="A trained model of discrete units.")] = "speech_resynthesis",
    checkpoints: Annotated[Path, typer.Option(help="Where trained models lie.")] = Path("checkpoints"),
) -> None:
    """Write the codes of IN to OUT: content units, pitch codes, a voice; and say how many bits a second they take.

    `decompress` makes a sound of them again, with the same model.
    """
    # What is cheap to refuse is refused before torch is imported; `--help` never waits for it.
    check_code(target)
    check_model(checkpoints, model)
    known = read_code(voice_of) if voice_of else b""
    import torch

    from speech_factorization.cli.units import load_speaking, read_wave, say_whispered
    from speech_factorization.files import new_file
    from speech_factorization.resynthesis.bitstream import Header, write

    voice = Header.read(known, voice_of).voice if voice_of else None
    if voice_of and voice is None:
        raise InputError(
            "the voice is not in this file", voice_of, "name the one that it was compressed with"
        )
    wave = read_wave(source)
    speaking = load_speaking(checkpoints, model, "compress")
    check_counts(speaking, checkpoints / model, "compress")
    say_whispered(speaking, wave)
    with torch.no_grad():
        codes = speaking.encode(torch.from_numpy(wave), voice.statistics if voice else None)
    if voice:
        like = float(
            torch.nn.functional.cosine_similarity(codes.speaker.cpu(), torch.tensor(voice.speaker), 0)
        )
        if like < ALIKE:
            said = f"the voice of {voice_of} is not like IN's (cosine {like:.2f}): is it the same speaker?"
            print(said, file=sys.stderr)
        codes = voice.given_to(codes)
    data = write(codes, speaking.counts.tables(), duplicates=duplicates, voice_included=voice is None)
    try:
        with new_file(target) as draft:
            draft.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot be written ({error.strerror})", target, "name another file") from None
    report(target, data)


def check_code(target: Path) -> None:
    """Error: OUT has another ending than .sfc, or lies in no folder."""
    if target.suffix.lower() != ENDING:
        raise InputError(f"unknown ending {target.suffix!r}", target, f"use {ENDING}")
    if target.is_dir():
        raise InputError("is a folder", target, "name a file in it")
    if not target.parent.is_dir():
        raise InputError("the folder does not exist", target.parent, "create it first")


def check_counts(model: object, where: object, verb: str) -> None:
    """Error: the model has no tables to code with."""
    if not hasattr(model, "counts"):
        raise InputError(f"cannot {verb}: it has no counts of its codes", where, "train it again")


def read_code(path: Path) -> bytes:
    """The bytes of a file of codes. Error: it cannot be read, or is far too large."""
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(
                "is too large for a file of compressed speech", path, "name one that `compress` wrote"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, "check the name") from None


def report(path: Path, data: bytes) -> None:
    """Say what a file of codes takes."""
    from speech_factorization.corpora.base import SAMPLE_RATE
    from speech_factorization.resynthesis.bitstream import Header

    header = Header.read(data, path)
    seconds = header.samples / SAMPLE_RATE
    voice = len(header.voice.pack()) if header.voice else 0
    parts = {"units and pitch": len(header.payload), "voice": voice}
    parts["header"] = len(data) - sum(parts.values())
    said = ", ".join(f"{name} {8 * size / seconds:.0f}" for name, size in parts.items() if size)
    print(
        f"{path}: {seconds:.2f} s in {len(data)} bytes, {8 * len(data) / seconds:.0f} bits per second ({said})"
    )
