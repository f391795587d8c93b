"""How many multiply-adds the matrix products of one training step take: counted, not measured."""

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.dynamical.model import DynamicalVAE

__all__ = ["multiply_adds"]


def multiply_adds(model: DynamicalVAE, batch: int, frames: int) -> int:
    """Multiply-adds that forward and backward over x [batch, frames, bins] need.

    A weight W [o, i] takes o * i of them per vector forward, and backward twice as many: for the gradients
    of W and of its input. No gradient of x is needed, so columns of W that read x take them only once.
    """
    weights = sum(w.numel() for w in model.parameters() if w.dim() == 2)
    # Once a frame is enough for any weight. Code may do more (W (a + b) as W a + W b, so that a part can leave
    # the loop), which is no progress, and needs less for what is computed once an utterance.
    forward = batch * min(_executed(model, frames), frames * weights)
    return 3 * forward - batch * frames * _weights_of_x(model)


def _executed(model: DynamicalVAE, frames: int) -> int:
    """Multiply-adds of the forward pass of one utterance as written, counted by torch."""
    x = torch.ones(1, frames, model.p_x.head.out_features)
    # oneDNN's LSTM is one opaque call; without it every LSTM is taken apart into its products.
    with (
        torch.backends.mkldnn.flags(enabled=False, allow_tf32=None),
        FlopCounterMode(display=False) as counter,
        torch.no_grad(),
    ):
        model(x, **model.noise(x, None))
    return int(counter.get_total_flops()) // 2


def _weights_of_x(model: DynamicalVAE) -> int:
    """How many weights are multiplied with x itself: those that get no gradient at all where x is 0."""
    model, generator = copy.deepcopy(model), torch.Generator().manual_seed(0)
    x = torch.zeros(8, 8, model.p_x.head.out_features)
    frames = model(x, **model.noise(x, generator))
    model.zero_grad(set_to_none=True)
    (itakura_saito(x, frames.log_y).sum() + frames.q.kl(frames.p).sum()).backward()
    gradients = [w.grad for w in model.parameters() if w.dim() == 2 and w.grad is not None]
    return sum(len(g) * int((g == 0).all(0).sum()) for g in gradients)
