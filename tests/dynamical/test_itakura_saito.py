"""Itakura-Saito divergence: value, gradient, zeros."""

import torch

from speech_factorization.dynamical.itakura_saito import FLOOR, itakura_saito, power_noise


def inputs() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, 5, generator=g, dtype=torch.float64) + 0.1
    return x, torch.randn(2, 3, 5, generator=g, dtype=torch.float64)


def plain(x: torch.Tensor, log_y: torch.Tensor) -> torch.Tensor:
    ratio = x / torch.exp(log_y)
    return (ratio - torch.log(ratio) - 1).sum(-1)


def test_value_and_gradients() -> None:
    x, log_y = (v.requires_grad_(True) for v in inputs())
    torch.testing.assert_close(itakura_saito(x, log_y), plain(x, log_y))
    weights = torch.arange(6.0, dtype=torch.float64).view(2, 3)
    ours = torch.autograd.grad((weights * itakura_saito(x, log_y)).sum(), (x, log_y))
    theirs = torch.autograd.grad((weights * plain(x, log_y)).sum(), (x, log_y))
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(itakura_saito, (x, log_y))


def test_least_where_both_are_equal() -> None:
    x, _ = inputs()
    torch.testing.assert_close(itakura_saito(x, x.log()), torch.zeros(2, 3, dtype=torch.float64))
    assert (itakura_saito(x, x.log() + 0.1) > 0).all()
    assert (itakura_saito(x, x.log() - 0.1) > 0).all()


def test_zero_bins_count_as_the_floor() -> None:
    x = torch.tensor([[0.0, 1.0]])
    log_y = torch.zeros(1, 2, requires_grad=True)
    floored = torch.tensor([[FLOOR, 1.0]])
    divergence = itakura_saito(x, log_y)
    torch.testing.assert_close(divergence, plain(floored, log_y))
    divergence.sum().backward()
    torch.testing.assert_close(log_y.grad, torch.tensor([[1.0, 0.0]]))


def test_nan_is_not_floored() -> None:
    assert itakura_saito(torch.tensor([[float("nan"), 1.0]]), torch.zeros(1, 2)).isnan().all()


def test_power_noise_is_that_of_complex_gaussians() -> None:
    g = torch.Generator().manual_seed(1)
    noise = power_noise((200_000,), g, torch.zeros(1))
    parts = torch.randn(2, 200_000, generator=g) / 2**0.5
    power = parts.square().sum(0)
    quantiles = torch.linspace(0.05, 0.95, 19)
    torch.testing.assert_close(noise.quantile(quantiles), power.quantile(quantiles), atol=0.02, rtol=0.02)
