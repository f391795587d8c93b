"""A loop over time for what cannot be computed for all frames at once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from speech_factorization.dynamical.precision import full_precision

__all__ = ["scan"]


def scan(
    step: Callable[..., tuple[Any, tuple[Tensor, ...]]], state: Any, *inputs: Tensor
) -> tuple[Tensor, ...]:
    """Call `step(state, *inputs_t) -> (state, outputs_t)` frame by frame: inputs [B, T, *] -> outputs.

    state: what one step hands to the next. inputs and outputs: [B, T, *] each.

    Frames are unbound once and each output stacked once: assignment into slices would make the
    backward pass quadratic in T. In mixed precision the loop stays in full precision: its products are small,
    and its errors would add up over time.
    """
    outputs = []
    with torch.autocast(inputs[0].device.type, enabled=False):
        for frame in zip(*(full_precision(x).unbind(1) for x in inputs), strict=True):
            state, output = step(state, *frame)
            outputs.append(output)
    return tuple(torch.stack(values, 1) for values in zip(*outputs, strict=True))
