"""Principal components of data that does not fit in memory, from a few passes over it.

Musco and Musco, Randomized block Krylov methods for stronger and faster approximate singular value
decomposition, NIPS 2015.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

__all__ = ["principal_components"]

# Four leave .05 % more variance outside than the best there are (256 dimensions of segments), three .9 %.
PASSES = 4
# Directions of a block beyond those wanted.
MORE = 16


def principal_components(
    items: Callable[[], Iterable[Tensor]], count: int, outside: Tensor, generator: torch.Generator
) -> Tensor:
    """The `count` leading principal components [D, count] of what is left outside a given subspace, float64.

    items: gives batches of centred x [N, D], in each of the passes. outside: orthonormal [D, r], float64;
    count <= D - r.
    """
    size, rank = outside.shape
    start = torch.randn(size, min(count + MORE, size - rank), generator=generator, dtype=torch.float64)
    block, found = start.to(outside), [outside]
    images = []
    for _ in range(PASSES):
        # As long as there are directions left, each block is orthogonal to all before it.
        block = _orthonormal(block[:, : size - sum(b.shape[1] for b in found)], torch.cat(found, 1))
        found.append(block)
        image = torch.zeros((), device=block.device)
        for x in items():
            image = image + x.T @ (x @ block.to(x.dtype))
        block = image.double()
        images.append(block)
    krylov = torch.cat(found[1:], 1)
    scatter = krylov.T @ torch.cat(images, 1)
    components: Tensor = krylov @ torch.linalg.eigh(scatter)[1].flip(1)[:, :count]
    return components


def _orthonormal(x: Tensor, outside: Tensor) -> Tensor:
    """Orthonormal basis of the columns of x without their part in the columns of `outside`."""
    # Twice: the first projection leaves rounding errors of what was large.
    for _ in range(2):
        x = torch.linalg.qr(x - outside @ (outside.T @ x))[0]
    return x
