"""LSTMs over time: padding is never read, every way of running one gives the same states."""

import pytest
import torch
from torch import nn

from speech_factorization.dynamical.recurrent import (
    advance,
    backward_in_time,
    both_ways,
    forward_in_time,
    given,
)

LENGTHS = torch.tensor([5, 2, 1])


def padded() -> torch.Tensor:
    x = torch.randn(3, 5, 3)
    for i, length in enumerate(LENGTHS):
        x[i, length:] = torch.nan
    return x


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_backward_starts_at_each_last_real_frame() -> None:
    lstm, x = nn.LSTM(3, 4, batch_first=True), padded()
    states = backward_in_time(lstm, x, LENGTHS)
    for i, length in enumerate(LENGTHS):
        alone = lstm(x[i : i + 1, :length].flip(1))[0].flip(1)[0]
        torch.testing.assert_close(states[i, :length], alone)
    x = torch.randn(3, 5, 3)
    torch.testing.assert_close(
        backward_in_time(lstm, x, None), backward_in_time(lstm, x, torch.full((3,), 5))
    )


def test_both_ways_is_the_bidirectional_lstm_of_each_item_alone() -> None:
    lstm, x = nn.LSTM(3, 4, batch_first=True, bidirectional=True), padded()
    states = both_ways(lstm, x, LENGTHS)
    mirrored = backward_in_time(lstm, x, LENGTHS)
    for i, length in enumerate(LENGTHS):
        alone = x[i : i + 1, :length]
        torch.testing.assert_close(states[i, :length], lstm(alone)[0][0])
        torch.testing.assert_close(mirrored[i, :length], lstm(alone.flip(1))[0].flip(1)[0])


def test_both_ways_has_the_gradient_of_the_bidirectional_lstm() -> None:
    lstm, x = nn.LSTM(3, 4, batch_first=True, bidirectional=True), torch.randn(2, 5, 3)
    ours, theirs = (
        torch.autograd.grad(states.square().sum(), lstm.parameters())
        for states in (both_ways(lstm, x, torch.tensor([5, 5])), lstm(x)[0])
    )
    torch.testing.assert_close(ours, theirs)


def test_step_by_step_is_the_lstm() -> None:
    lstm, x = nn.LSTM(3, 4, batch_first=True), torch.randn(2, 5, 3)
    expected = forward_in_time(lstm, x)
    projection, step = given(lstm, x[..., :1])
    state, hoisted = None, (torch.zeros(2, 4), torch.zeros(2, 4))
    for t in range(5):
        state = advance(lstm, x[:, t], state)
        hoisted = step(projection[:, t], x[:, t, 1:], hoisted)
        torch.testing.assert_close(state[0], expected[:, t])
        torch.testing.assert_close(hoisted, state)
