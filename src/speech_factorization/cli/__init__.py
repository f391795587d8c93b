"""speech-factorization: trained models applied to one's own sound, one file per verb."""

import sys

import typer

from speech_factorization.cli.compress import compress
from speech_factorization.cli.convert import convert
from speech_factorization.cli.decompress import decompress
from speech_factorization.cli.denoise import denoise
from speech_factorization.cli.interpolate import interpolate
from speech_factorization.cli.manipulate import manipulate
from speech_factorization.cli.pitch import pitch
from speech_factorization.cli.resynthesize import resynthesize
from speech_factorization.cli.sample import sample
from speech_factorization.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
app.command()(compress)
app.command()(convert)
app.command()(decompress)
app.command()(denoise)
app.command()(interpolate)
app.command()(manipulate)
app.command()(pitch)
app.command()(resynthesize)
app.command()(sample)


def main() -> None:
    """Entry point: bad input is one line on standard error and exit status 2."""
    try:
        app()
    except InputError as error:
        print(f"speech-factorization: {error}", file=sys.stderr)
        raise SystemExit(2) from None
