"""A loss that is no number stops at once and says where it comes from."""

import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch

__all__ = ["require_finite"]


def require_finite(value: Tensor, batch: Batch) -> None:
    """InputError where `value` is NaN or infinite: names the batch's first bad item and frame, or the model.

    On CUDA nothing is read, since that would wait for the device at every step; there the value itself
    goes on as NaN, for the training loop to find.
    """
    if value.is_cuda or bool(value.isfinite().all()):
        return
    frames = batch.x.isfinite().flatten(2).all(-1)
    real = torch.arange(frames.shape[1]) < batch.lengths[:, None]
    bad = (real & ~frames).nonzero()
    if len(bad) == 0:
        raise InputError("the loss is not finite", "training", "lower the learning rate or clip gradients")
    item, frame = bad[0].tolist()
    where = batch.utterances[item] if batch.utterances else f"item {item} of the batch"
    raise InputError(f"frame {frame} of the input is not finite", where, "repair or remove the utterance")
