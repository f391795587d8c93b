"""What a killed stage's draft was of: it is gone on with only where all of that is as it was."""

import hashlib
import json
from pathlib import Path

from speech_factorization.digest import fingerprint
from stages import OPAQUE

__all__ = ["digest_of", "state_of"]


def digest_of(*modules: str, **values: object) -> str:
    """16 hexadecimal digits of the code of these modules, with what they import, and of JSON values."""
    code = fingerprint(modules, opaque=OPAQUE)
    text = json.dumps({"code": code, **values}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def state_of(*files: Path) -> list[list[object]]:
    """Name, size, time of change and place of each file: another where it has been written anew, none without it."""
    states = [(file, file.stat()) for file in files if file.exists()]
    return [[str(file), state.st_size, state.st_mtime_ns, state.st_ino] for file, state in states]
