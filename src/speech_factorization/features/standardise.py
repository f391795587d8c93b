"""Zero mean and unit variance, per dimension, with statistics of the training data."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch

__all__ = ["Standardise"]


class Standardise(nn.Module):
    """(x - mean) / scale with mean and scale of one value per dimension of `shape`.

    shape: the trailing dimensions that keep their own statistics, e.g. (20, 200) for segments or (257,)
    for frames of utterances; everything before is averaged over. Starts as the identity; the statistics
    are buffers, so a checkpoint holds them.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, shape: Sequence[int], floor: float = 1e-5) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("mean", torch.zeros(*shape))
        self.register_buffer("scale", torch.ones(*shape))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> "Standardise":
        """Set mean and scale from batches [B, *shape] or padded [B, T, *shape] (lengths say what is real).

        Sums are kept in float64 around the first batch's mean, so large offsets cost no precision. A
        dimension that hardly varies gets the scale `floor`, never 0.
        """
        count = 0
        shift = total = squares = torch.zeros_like(self.mean, dtype=torch.float64)
        for batch in batches:
            x = _real(batch, self.mean.dim()).to(self.mean.device, torch.float64)
            if count == 0:
                shift = x.mean(0)
            x = x - shift
            count += len(x)
            total = total + x.sum(0)
            squares = squares + x.square().sum(0)
        if count == 0:
            raise InputError("no data to standardise with", remedy="check the split and the corpus's size")
        variance = (squares / count - (total / count).square()).clamp(min=0)
        self.mean.copy_(shift + total / count)
        self.scale.copy_(variance.sqrt().clamp(min=self.floor))
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Standardised x, [..., *shape]."""
        return (x - self.mean) / self.scale

    def inverse(self, x: Tensor) -> Tensor:
        """Back to the data's own units, [..., *shape]."""
        return x * self.scale + self.mean


def _real(batch: Batch, dims: int) -> Tensor:
    """The items of a batch as [N, *shape], padding left out."""
    if batch.x.dim() == dims + 1:
        return batch.x
    frames = torch.arange(batch.x.shape[1], device=batch.x.device)
    return batch.x[frames < batch.lengths[:, None]]
