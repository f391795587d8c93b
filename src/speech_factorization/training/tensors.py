"""A module's state as plain tensors in which nothing is stored twice."""

from collections.abc import Mapping

from torch import Tensor, nn

__all__ = ["copies", "tied", "untied"]


def tied(model: nn.Module) -> dict[str, str]:
    """Name -> the earlier name of the very same tensor, for tensors the module has under several names."""
    first: dict[tuple[object, ...], str] = {}
    aliases: dict[str, str] = {}
    for name, tensor in model.state_dict().items():
        begin = (tensor.untyped_storage().data_ptr(), tensor.storage_offset())
        place = (*begin, tensor.shape, tensor.stride(), tensor.dtype)
        original = first.setdefault(place, name) if tensor.numel() else name
        if original != name:
            aliases[name] = original
    return aliases


def copies(model: nn.Module) -> dict[str, Tensor]:
    """Contiguous copies of the module's parameters and buffers, on their device; aliases are left out."""
    aliases = tied(model)
    tensors = {name: tensor for name, tensor in model.state_dict().items() if name not in aliases}
    return {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}


def untied(tensors: Mapping[str, Tensor], aliases: Mapping[str, str]) -> dict[str, Tensor]:
    """The whole state dict again: every alias holds its original's tensor."""
    return {**tensors, **{name: tensors[original] for name, original in aliases.items()}}
