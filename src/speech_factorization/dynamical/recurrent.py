"""LSTMs over time: from front to back, from each item's last real frame to its first, both, or step by step."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.dynamical.frames import frame_mask

__all__ = ["LSTMState", "advance", "backward_in_time", "both_ways", "forward_in_time", "given"]

LSTMState = tuple[Tensor, Tensor]


def forward_in_time(lstm: nn.LSTM, x: Tensor) -> Tensor:
    """States of an LSTM from the first frame to the last: [B, T, *] -> [B, T, H]."""
    return lstm(x)[0]  # type: ignore[no-any-return]


def backward_in_time(lstm: nn.LSTM, x: Tensor, lengths: Tensor | None) -> Tensor:
    """States of an LSTM that runs from each item's last real frame to its first: [B, T, *] -> [B, T, H].

    lengths: [B] real frames, None where all T are. What is given for padding has no meaning. A bidirectional
    LSTM runs both ways, its `_reverse` weights from front to back: [B, T, 2H].
    """
    if lstm.bidirectional:
        return _mirrored(lambda mirrored: both_ways(lstm, mirrored, lengths), x, lengths)
    return _mirrored(lambda mirrored: lstm(mirrored)[0], x, lengths)


def both_ways(lstm: nn.LSTM, x: Tensor, lengths: Tensor | None) -> Tensor:
    """States of a bidirectional LSTM, forward then backward ones: [B, T, *] -> [B, T, 2H]; see the others."""
    if lengths is None:
        return lstm(x)[0]  # type: ignore[no-any-return]
    ahead, back = lstm.all_weights

    def run(weights: Sequence[nn.Parameter], x: Tensor) -> Tensor:
        zero = x.new_zeros(1, len(x), lstm.hidden_size)
        return torch.lstm(x, (zero, zero), tuple(weights), True, 1, 0.0, lstm.training, False, True)[0]

    return torch.cat([run(ahead, x), _mirrored(lambda mirrored: run(back, mirrored), x, lengths)], -1)


def advance(lstm: nn.LSTM, x: Tensor, state: LSTMState | None) -> LSTMState:
    """(h, c) [B, H] once the LSTM has read one frame x [B, *]; None is the state of zeros."""
    if state is None:
        zero = x.new_zeros(len(x), lstm.hidden_size)
        state = zero, zero
    (weights,) = lstm.all_weights
    return torch.lstm_cell(x, state, *weights)


def given(lstm: nn.LSTM, known: Tensor) -> tuple[Tensor, Callable[[Tensor, Tensor, LSTMState], LSTMState]]:
    """Hoist out of a loop what the LSTM's leading inputs, known for all frames, give to its gates.

    known: [B, T, *] -> projection [B, T, 4H] and the function (projection_t, last input [B, *], state) -> state.
    """
    ((weight_ih, weight_hh, bias_ih, bias_hh),) = lstm.all_weights
    of_known, of_last = weight_ih.tensor_split([known.shape[-1]], 1)
    joined = torch.cat([of_last, weight_hh], 1).t()

    def step(projection: Tensor, last: Tensor, state: LSTMState) -> LSTMState:
        h, c = state
        return _cell(torch.addmm(projection, torch.cat([last, h], 1), joined), c)

    return functional.linear(known, of_known, bias_ih + bias_hh), step


def _cell(gates: Tensor, c: Tensor) -> LSTMState:
    i, f, _, o = torch.sigmoid(gates).chunk(4, 1)
    g = torch.tanh(gates.chunk(4, 1)[2])
    c = torch.addcmul(f * c, i, g)
    return o * torch.tanh(c), c


def _mirrored(run: Callable[[Tensor], Tensor], x: Tensor, lengths: Tensor | None) -> Tensor:
    """What `run` gives over x read from each item's last real frame to its first, put back in order."""
    if lengths is None:
        return run(x.flip(1)).flip(1)
    items, frames, _ = x.shape
    t = torch.arange(frames, device=x.device)
    mirrored = torch.where(frame_mask(lengths, frames), lengths[:, None] - 1 - t, t)
    # One list of rows: a gather over [B, T, *] takes twice as long backward.
    rows = (mirrored + frames * torch.arange(items, device=x.device)[:, None]).flatten()

    def mirror(values: Tensor) -> Tensor:
        return values.flatten(0, 1).index_select(0, rows).view(items, frames, -1)

    return mirror(run(mirror(x)))
