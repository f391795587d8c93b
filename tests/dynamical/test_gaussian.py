"""Diagonal Gaussians against torch.distributions and Monte Carlo."""

import torch
from torch.distributions import Independent, Normal, kl_divergence

from speech_factorization.dynamical.gaussian import Gaussian, standard, standard_noise


def random_gaussian(seed: int, *shape: int) -> Gaussian:
    g = torch.Generator().manual_seed(seed)
    mean, logvar = torch.randn(2, *shape, generator=g, dtype=torch.float64)
    return Gaussian(mean, logvar)


def theirs(gaussian: Gaussian) -> Independent:
    return Independent(Normal(gaussian.mean, torch.exp(gaussian.logvar).sqrt()), 1)


def test_kl_and_density_are_those_of_torch_distributions() -> None:
    q, p = random_gaussian(0, 5, 7, 3), random_gaussian(1, 5, 7, 3)
    torch.testing.assert_close(q.kl(p), kl_divergence(theirs(q), theirs(p)))
    each = kl_divergence(theirs(q).base_dist, theirs(p).base_dist)
    torch.testing.assert_close(q.kl_of_each(p), each)
    torch.testing.assert_close(q.kl(standard(q.mean)), kl_divergence(theirs(q), theirs(standard(q.mean))))
    torch.testing.assert_close(q.log_prob(p.mean), theirs(q).log_prob(p.mean))


def test_kl_is_zero_only_between_equals() -> None:
    q, p = random_gaussian(0, 4, 3), random_gaussian(1, 4, 3)
    torch.testing.assert_close(q.kl(q), torch.zeros(4, dtype=torch.float64))
    assert (q.kl(p) > 0.01).all()


def test_kl_is_the_mean_log_ratio_of_samples() -> None:
    q, p = random_gaussian(2, 3), random_gaussian(3, 3)
    eps = standard_noise((400_000, 3), torch.Generator().manual_seed(4), q.mean)
    z = q.sample(eps)
    ratio = q.log_prob(z) - p.log_prob(z)
    error = ratio.std() / len(ratio) ** 0.5
    assert (ratio.mean() - q.kl(p)).abs() < 4 * error
    assert error < 0.01


def test_noise_comes_from_the_generator_alone() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    a, b = (standard_noise((4, 2), torch.Generator().manual_seed(5), like) for _ in range(2))
    assert a.dtype == torch.float64
    assert torch.equal(a, b)
