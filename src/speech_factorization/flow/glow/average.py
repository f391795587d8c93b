"""The moving average of a module's weights over training (Polyak and Juditsky, 1992), as a module to use."""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

__all__ = ["averaged", "follow"]

Module = TypeVar("Module", bound=nn.Module)


def averaged(module: Module) -> Module:
    """A copy that learns nothing: what are parameters in `module` are buffers in it."""
    found = copy.deepcopy(module)
    for part in found.modules():
        for name in list(part._parameters):
            parameter = part._parameters.pop(name)
            part.register_buffer(name, None if parameter is None else parameter.detach().clone())
    return found


@torch.no_grad()
def follow(average: nn.Module, module: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * module, of what are parameters in `module`."""
    buffers = dict(average.named_buffers())
    pairs = [(buffers[name], parameter) for name, parameter in module.named_parameters()]
    own: list[Tensor] = [buffer for buffer, _ in pairs]
    torch._foreach_lerp_(own, [parameter.detach() for _, parameter in pairs], 1 - decay)
