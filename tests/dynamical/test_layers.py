"""Layers: hoisting changes nothing, the loop over time is a loop."""

import torch
from torch import Tensor

from speech_factorization.dynamical.layers import Features, GaussianOf, previous, tanh
from speech_factorization.dynamical.scan import scan


def test_tanh_is_tanh_for_few_and_many_values() -> None:
    for count in (10, 100_000):
        u = torch.linspace(-20, 20, count)
        torch.testing.assert_close(tanh(u), torch.tanh(u), atol=2e-7, rtol=1e-6)


def test_tanh_keeps_small_values_in_bf16() -> None:
    u = torch.linspace(-0.05, 0.05, 100_000)
    torch.testing.assert_close(tanh(u.bfloat16()).float(), torch.tanh(u), atol=3e-4, rtol=0.0)


def test_features_are_linear_layers_with_tanh() -> None:
    stack = Features([3, 2], [5, 4])
    a, b = torch.randn(6, 3), torch.randn(6, 2)
    first, second = stack.layers
    expected = torch.tanh(second(torch.tanh(first(torch.cat([a, b], -1)))))
    torch.testing.assert_close(stack(a, b), expected)


def test_hoisted_gaussian_is_the_gaussian() -> None:
    torch.manual_seed(0)
    stack = GaussianOf([3, 2, 4], [5, 6], 2)
    a, b, z = torch.randn(7, 9, 3), torch.randn(7, 9, 2), torch.randn(7, 9, 4)
    whole = stack(a, b, z)
    projection, finish = stack.given(a, b)
    for t in range(9):
        torch.testing.assert_close(finish(projection[:, t], z[:, t]).mean, whole.mean[:, t])
        torch.testing.assert_close(finish(projection[:, t], z[:, t]).logvar, whole.logvar[:, t])


def test_a_gaussian_without_layers_is_linear() -> None:
    stack, x = GaussianOf([3], [], 2), torch.randn(7, 3)
    torch.testing.assert_close(torch.cat(stack(x), -1), stack.head(x))


def test_previous_starts_at_zero() -> None:
    x = torch.arange(6.0).view(1, 3, 2) + 1
    assert torch.equal(previous(x), torch.tensor([[[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]]]))


def test_scan_is_a_loop_with_a_gradient() -> None:
    x = torch.randn(2, 6, 3, requires_grad=True)

    def step(total: Tensor, x_t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        total = total + x_t
        return total, (total, x_t * 2)

    sums, doubled = scan(step, torch.zeros(2, 3), x)
    torch.testing.assert_close(sums, x.cumsum(1))
    torch.testing.assert_close(doubled, 2 * x)
    sums.sum().backward()
    torch.testing.assert_close(x.grad, torch.arange(6.0, 0, -1).view(1, 6, 1).expand(2, 6, 3))
