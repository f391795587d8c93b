"""Authors' weights into this project's models: one table of names per model, nothing left over.

A table maps the beginning of this project's parameter names to the beginning of theirs. Several of theirs
are stacked, e.g. {"q_z.head.": ("inf_mean.", "inf_logvar.")}. The longest matching beginning counts.
"""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError

__all__ = ["load_published", "read_published"]

Names = Mapping[str, str | tuple[str, ...]]

# How checkpoints wrap a state dict, and what DataParallel writes before every name.
WRAPPERS = ("state_dict", "model_state_dict")
PARALLEL = "module."


def read_published(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, of a file that `torch.save` wrote; nothing in it is run.

    InputError where there is no such file, it was not written by torch, holds anything but tensors and plain
    containers (which might be code), or is no state dict.
    """
    remedy = "give a file of weights as torch.save writes it, such as VAE.pt"
    if not path.is_file():
        raise InputError("no such file", path, remedy)
    try:
        with warnings.catch_warnings():
            # Of torch, about how the file was written: whether it can be used is said below.
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # Damaged pickles end in errors of any kind.
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            what = f"holds more than tensors ({refused[1]}), which might be code and is not run"
            raise InputError(
                what, path, "save the state dict alone: torch.save(model.state_dict(), FILE)"
            ) from None
        raise InputError("not a whole file of weights", path, remedy) from None
    for wrapper in WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not (isinstance(found, Mapping) and found and all(isinstance(v, Tensor) for v in found.values())):
        raise InputError("not a state dict: names with a tensor each", path, remedy)
    state = {str(name): tensor for name, tensor in found.items()}
    if all(name.startswith(PARALLEL) for name in state):
        state = {name.removeprefix(PARALLEL): tensor for name, tensor in state.items()}
    return state


@torch.no_grad()
def load_published(
    model: nn.Module, names: Names, state: Mapping[str, Tensor], where: object = "published weights"
) -> None:
    """Copy `state`, tensors of the authors' checkpoint by name, into `model`.

    InputError that names the tensors that are missing, not used, of another shape or type, or not finite;
    the model is then unchanged. where: what the error names, the file for example.
    """
    faults: list[str] = []
    used: set[str] = set()
    ready = {}
    for name, parameter in model.state_dict().items():
        sources = _sources(name, names, model)
        used.update(sources)
        there = [state[source] for source in sources if source in state]
        wrong = [f"{source} is missing" for source in sources if source not in state]
        wrong += [
            f"{source} is no floating-point tensor"
            for source in sources
            if source in state and not _plain(state[source])
        ]
        wrong = wrong or _misshapen(sources, there, name, parameter)
        faults += wrong
        if not wrong:
            ready[name] = torch.cat(there).to(parameter.dtype)
            if not bool(ready[name].isfinite().all()):
                faults.append(f"{' + '.join(sources)} holds NaN or infinity")
    faults += [f"{source} is not used" for source in sorted(set(state) - used)]
    if faults:
        more = f" and {len(faults) - 3} more faults" if len(faults) > 3 else ""
        name = type(model).__module__.rpartition(".")[2]
        what = f"not the published weights of {name}: {', '.join(faults[:3])}{more}"
        raise InputError(what, where, "give this model's own checkpoint")
    model.load_state_dict(ready)


def _sources(name: str, names: Names, model: nn.Module) -> list[str]:
    """The authors' tensors that make up the parameter `name`."""
    prefix = max((p for p in names if name.startswith(p)), key=len, default=None)
    if prefix is None:
        raise InputError(f"no published name for {name}", type(model).__module__)
    theirs = names[prefix]
    beginnings = (theirs,) if isinstance(theirs, str) else theirs
    return [beginning + name.removeprefix(prefix) for beginning in beginnings]


def _plain(tensor: Tensor) -> bool:
    """Numbers that can be copied: floating point, dense, with data."""
    return tensor.is_floating_point() and tensor.layout == torch.strided and not tensor.is_meta


def _misshapen(sources: Sequence[str], parts: Sequence[Tensor], name: str, parameter: Tensor) -> list[str]:
    """The fault, if the parts do not stack to the parameter's shape."""
    rows = sum(part.shape[0] for part in parts if part.ndim)
    fits = all(part.ndim == parameter.ndim and part.shape[1:] == parameter.shape[1:] for part in parts)
    if fits and rows == parameter.shape[0]:
        return []
    shapes = " + ".join(str(tuple(part.shape)) for part in parts)
    return [f"{' + '.join(sources)} has shape {shapes}, {name} {tuple(parameter.shape)}"]
