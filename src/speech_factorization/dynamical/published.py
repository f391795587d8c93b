"""Authors' weights into this project's models: one table of names per model, nothing left over.

A table maps the beginning of this project's parameter names to the beginning of theirs. Several of theirs
are stacked, e.g. {"q_z.head.": ("inf_mean.", "inf_logvar.")}. The longest matching beginning counts.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError

__all__ = ["load_published"]


@torch.no_grad()
def load_published(
    model: nn.Module, names: Mapping[str, str | tuple[str, ...]], state: Mapping[str, Tensor]
) -> None:
    """Copy `state`, tensors of the authors' checkpoint by name, into `model`.

    InputError where a tensor is missing, has another shape, or is not used.
    """
    used: set[str] = set()
    ready = {}
    for name, parameter in model.state_dict().items():
        prefix = max((p for p in names if name.startswith(p)), key=len, default=None)
        if prefix is None:
            raise InputError(f"no published name for {name}", type(model).__module__)
        theirs = names[prefix]
        beginnings = (theirs,) if isinstance(theirs, str) else theirs
        sources = [beginning + name.removeprefix(prefix) for beginning in beginnings]
        missing = [source for source in sources if source not in state]
        if missing:
            raise InputError(f"{missing[0]} is missing", "published weights", "give this model's checkpoint")
        value = torch.cat([state[source] for source in sources])
        if value.shape != parameter.shape:
            raise InputError(
                f"{' + '.join(sources)} has shape {tuple(value.shape)}, {name} {tuple(parameter.shape)}",
                "published weights",
                "set the hyperparameters to the published sizes",
            )
        ready[name] = value
        used.update(sources)
    left = sorted(set(state) - used)
    if left:
        raise InputError(f"{left[0]} is not used", "published weights", "give this model's checkpoint")
    model.load_state_dict(ready)
