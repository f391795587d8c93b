"""What the benchmarks' command lines share. Nothing here imports torch."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["parser", "positive", "print_rows"]


def print_rows(
    name: str, options: argparse.Namespace, rows: Callable[[argparse.Namespace], Iterator[dict[str, Any]]]
) -> int:
    """Print one JSON line per row; bad input is one line on standard error, and status 2."""
    # Before torch is imported: its libraries read it when they are loaded.
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    from speech_factorization.errors import InputError

    try:
        for row in rows(options):
            print(json.dumps(row), flush=True)
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    return 0


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser that prints a script's docstring as it stands."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def positive(text: str) -> int:
    """An argument that is a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number
