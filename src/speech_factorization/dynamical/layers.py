"""The layers dynamical VAEs are made of: stacks of linear layers with tanh."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.dynamical.precision import full_precision

__all__ = ["Features", "GaussianOf", "LogPowerOf", "Stack", "previous", "tanh"]


def tanh(u: Tensor) -> Tensor:
    """tanh u; as 2 sigmoid(2u) - 1 on many values, several times faster on CPU.

    In bf16 that difference would lose all small values.
    """
    fast = u.numel() > 16_384 and u.dtype is not torch.bfloat16
    return 2 * torch.sigmoid(2 * u) - 1 if fast else torch.tanh(u)


class Stack(nn.Module):
    """Linear layers, each followed by tanh, over the concatenation of the inputs; subclasses end it.

    inputs: width of each input; hidden: width of each layer.
    """

    def __init__(self, inputs: Sequence[int], hidden: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in pairwise([sum(inputs), *hidden]))

    def _features(self, *inputs: Tensor) -> Tensor:
        joined = _joined(inputs)
        return self._after_first(self.layers[0](joined)) if self.layers else joined

    def _after_first(self, u: Tensor) -> Tensor:
        u = tanh(u)
        for layer in self.layers[1:]:
            u = tanh(layer(u))
        return u


class Features(Stack):
    """A stack without an end: [..., inputs] -> [..., hidden[-1]]."""

    def forward(self, *inputs: Tensor) -> Tensor:
        """Values of the last layer."""
        return self._features(*inputs)


class GaussianOf(Stack):
    """N(z; mu(inputs), diag sigma^2(inputs)): a stack that ends in a mean and a log-variance head.

    Both heads are one product. [..., inputs] -> Gaussian of [..., dim].
    """

    def __init__(self, inputs: Sequence[int], hidden: Sequence[int], dim: int) -> None:
        super().__init__(inputs, hidden)
        self.head = nn.Linear([*inputs, *hidden][-1], 2 * dim)

    def forward(self, *inputs: Tensor) -> Gaussian:
        """The Gaussian given all inputs."""
        return Gaussian(*full_precision(self.head(self._features(*inputs))).chunk(2, -1))

    def given(self, *known: Tensor) -> tuple[Tensor, Callable[[Tensor, Tensor], Gaussian]]:
        """Hoist out of a loop what the leading inputs, known for all frames, give to the first layer.

        known: [B, T, *] each -> projection [B, T, hidden[0]] and the function (projection_t, last input
        [B, *]) -> Gaussian of [B, dim].
        """
        first, joined = self.layers[0], _joined(known)
        assert isinstance(first, nn.Linear)
        of_known, of_last = first.weight.tensor_split([joined.shape[-1]], 1)
        of_last = of_last.t()

        def finish(projection: Tensor, last: Tensor) -> Gaussian:
            u = torch.addmm(projection, last, of_last)
            return Gaussian(*self.head(self._after_first(u)).chunk(2, -1))

        return functional.linear(joined, of_known, first.bias), finish


class LogPowerOf(Stack):
    """p(x; y(inputs)): a stack that ends in ln y, the log-variance of the STFT.

    [..., inputs] -> [..., bins].
    """

    def __init__(self, inputs: Sequence[int], hidden: Sequence[int], bins: int) -> None:
        super().__init__(inputs, hidden)
        self.head = nn.Linear(hidden[-1], bins)

    def forward(self, *inputs: Tensor) -> Tensor:
        """ln y, [..., bins]."""
        return full_precision(self.head(self._features(*inputs)))


def previous(x: Tensor) -> Tensor:
    """x_{t-1} at each t, with x_0 = 0: [B, T, *] -> [B, T, *]."""
    return torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)


def _joined(inputs: Sequence[Tensor]) -> Tensor:
    return inputs[0] if len(inputs) == 1 else torch.cat(tuple(inputs), -1)
