"""The state of an unfinished training, so that a killed one goes on where it was.

One file, the SHA-256 of what follows and then safetensors bytes: every tensor, and all numbers as JSON
in one more tensor. It is written aside and renamed, so a kill leaves the old one or the new one.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

__all__ = ["StateFile", "state_folder"]

_DIGEST = hashlib.sha256().digest_size
_NUMBERS = "numbers"
# Writing may cost one part in so many of the time, however large the model.
_SHARE = 20

log = logging.getLogger(__name__)


def state_folder(scratch: Path, name: str, **key: object) -> Path:
    """scratch/NAME-KEY, KEY being a hash of JSON values: parameters, code digest, data digest, seed."""
    text = json.dumps(key, sort_keys=True, allow_nan=False)
    return scratch / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class StateFile:
    """The state file of one training in its folder, and the clock that says when to write it.

    every: seconds between writes; 0 writes whenever asked. When it is written changes no result.
    """

    def __init__(self, folder: Path, every: float) -> None:
        self.path = folder / "state"
        self._draft = folder / "state.draft"
        self._every = every
        self._cost = 0.0
        self._last = time.monotonic()

    def due(self, epoch_end: bool = False) -> bool:
        """Whether it is time to write; at the end of an epoch, a third of the time is enough."""
        wait = max(self._every, _SHARE * self._cost if self._every else 0.0)
        return time.monotonic() - self._last >= (wait / 3 if epoch_end else wait)

    def write(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Replace the state by this one."""
        begin = time.monotonic()
        text = json.dumps(numbers, allow_nan=False).encode()
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        payload = save({**whole, _NUMBERS: torch.frombuffer(bytearray(text), dtype=torch.uint8)})
        self._draft.parent.mkdir(parents=True, exist_ok=True)
        with self._draft.open("wb") as file:
            file.write(hashlib.sha256(payload).digest())
            file.write(payload)
        os.replace(self._draft, self.path)
        self._last = time.monotonic()
        self._cost = self._last - begin

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The state last written; None if there is none, or (with a warning) if it is damaged."""
        if not self.path.is_file():
            return None
        content = self.path.read_bytes()
        digest, payload = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(payload).digest() != digest:
            log.warning("%s: the saved state is damaged; training starts afresh", self.path)
            return None
        try:
            tensors = load(payload)
            numbers = json.loads(tensors.pop(_NUMBERS).numpy().tobytes())
        except (SafetensorError, KeyError, ValueError) as error:
            log.warning("%s: the saved state is not one (%s); training starts afresh", self.path, error)
            return None
        return tensors, numbers

    def delete(self) -> None:
        """Remove the state, and its folder if nothing else lies there."""
        self.path.unlink(missing_ok=True)
        self._draft.unlink(missing_ok=True)
        folder = self.path.parent
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
