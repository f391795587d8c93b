"""Outputs that are whole or absent: written aside, then renamed into place."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speech_factorization.errors import InputError

__all__ = ["draft_folder", "new_file", "new_folder", "read_json", "write_json"]


@contextmanager
def new_folder(path: Path, of: str = "") -> Iterator[Path]:
    """Yield an empty folder that replaces `path` when the block ends without an error; one writer at a time.

    of: a digest of all that the folder is made of, where work may be continued: the draft of a writer that was
    killed, interrupted or broke off is then handed as it is to the next one with the same digest. An InputError
    clears the draft away, since what it is made of must become other; so does the next writer any other draft.
    """
    draft = draft_folder(path, of)
    path.parent.mkdir(parents=True, exist_ok=True)
    for other in path.parent.iterdir():
        left = other.name == f".{path.name}.draft" or other.name.startswith(f".{path.name}.draft-")
        if left and not (of and other == draft):
            shutil.rmtree(other, ignore_errors=True)
    draft.mkdir(exist_ok=bool(of))
    try:
        yield draft
        if path.exists():
            shutil.rmtree(path)
        os.replace(draft, path)
    except BaseException as error:
        if not of or isinstance(error, InputError):
            shutil.rmtree(draft, ignore_errors=True)
        raise


def draft_folder(path: Path, of: str = "") -> Path:
    """Where `new_folder` keeps the draft of `path`."""
    return path.with_name(f".{path.name}.draft{of and '-'}{of}")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a file name that replaces `path` when the block ends without an error; one writer at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: writers of sound and pictures choose the format by it.
    draft = path.with_name(f".draft-{path.name}")
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted, indented JSON; NaN and infinities are refused."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    with new_file(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read one JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
