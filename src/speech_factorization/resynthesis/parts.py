"""The frozen parts of speech resynthesis: what is trained before the generator and kept in a folder of its own.

A part is an nn.Module of one of `KINDS`. It says by `describe` what it is, JSON values from which
`from_description` builds it again, untrained; its weights are all in its state dict. So a model that holds parts
needs their descriptions alone to be built, and its own checkpoint holds their weights.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.files import read_json, write_json

__all__ = ["KINDS", "Part", "UnitEncoder", "build", "load", "save"]

KINDS: Mapping[str, tuple[str, str]] = {
    "kmeans": ("units.kmeans", "KMeansUnits"),
    "vqvae": ("units.vqvae", "VQVAEUnits"),
    "cpc": ("units.cpc", "CPCUnits"),
    "hubert": ("units.hubert", "HubertUnits"),
    "pitch_vqvae": ("pitch.coder", "PitchCoder"),
    "speaker_network": ("speaker", "SpeakerEncoder"),
    "speaker_table": ("speaker", "SpeakerTable"),
}
"""Kind -> module below this package and class; a module is imported only when a part of its kind is built."""


@runtime_checkable
class Part(Protocol):
    """What a part is beside an nn.Module."""

    def describe(self) -> dict[str, Any]:
        """JSON values: "kind", one of `KINDS`, and what `from_description` needs."""
        ...

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """The part that was described, untrained. Errors: KeyError or ValueError where it does not say enough."""
        ...


class UnitEncoder(Protocol):
    """A part that says what is spoken: `codes` different units, one every `hop` samples at 16 kHz."""

    codes: int
    hop: int

    def encode(self, wave: Tensor) -> Tensor:
        """int64 [ceil(samples / hop)] of wave [samples]; unit i belongs to samples [i hop, (i + 1) hop)."""
        ...


def build(description: Mapping[str, Any]) -> Any:
    """The part that is described, untrained, every tensor of the right shape.

    Errors: InputError for an unknown kind, or a description that is not of today's code.
    """
    kind = str(description.get("kind"))
    if kind not in KINDS:
        raise InputError(f"no kind of part {kind!r}", remedy=f"there are: {', '.join(KINDS)}")
    module, name = KINDS[kind]
    found = getattr(importlib.import_module(f"speech_factorization.resynthesis.{module}"), name)
    try:
        return found.from_description(description)
    except (KeyError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        if isinstance(error, ValidationError):
            said = ", ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        remedy = f"train the part again with the stage {_stage(kind)}"
        raise InputError(f"does not describe a {kind} of today's code ({said})", remedy=remedy) from None


def save(folder: Path, part: nn.Module) -> None:
    """Write part.safetensors and part.json into a folder that is there (`files.new_folder`'s draft)."""
    if not isinstance(part, Part):
        raise TypeError(f"{type(part).__name__} has no describe and from_description")
    # Copies: of tensors that share memory safetensors takes none.
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in part.state_dict().items()}
    save_file(tensors, folder / "part.safetensors")
    write_json(folder / "part.json", part.describe())


def load(folder: Path) -> Any:
    """The part that `save` wrote, with its weights, frozen, in evaluation mode on the CPU.

    Errors: InputError where a file is missing, damaged, or of another code.
    """
    remedy = f"run dvc repro {folder.parent.name if folder.parent.name == 'units' else folder.name}"
    if (folder / "empty.txt").is_file():
        raise InputError(f"not trained: {(folder / 'empty.txt').read_text(encoding='utf-8').strip()}", folder)
    for name in ("part.json", "part.safetensors"):
        if not (folder / name).is_file():
            raise InputError(f"{name} is missing", folder, remedy)
    try:
        description = read_json(folder / "part.json")
        tensors = load_file(folder / "part.safetensors")
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
        raise InputError(f"a file of the part is damaged ({error})", folder, remedy) from None
    try:
        part = build(description if isinstance(description, dict) else {})
    except InputError as error:
        raise InputError(str(error), folder / "part.json") from None
    try:
        part.load_state_dict(tensors)
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise InputError(f"the weights do not fit the part ({said})", folder, remedy) from None
    return part.eval().requires_grad_(False)


def _stage(kind: str) -> str:
    return KINDS[kind][0].split(".")[0]
