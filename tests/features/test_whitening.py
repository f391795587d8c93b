"""Full covariance as a code: shrinkage, what is missing, refits."""

import numpy as np
import pytest
import torch
from sklearn.covariance import ledoit_wolf

from speech_factorization.features.whitening import Whitening, shrunk

D = 12


def correlated(count, seed=0):
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(D, D, generator=g) / D**0.5 + torch.diag(torch.linspace(0.5, 2, D))
    return torch.randn(count, D, generator=torch.Generator().manual_seed(seed + 1)) @ mix.T + 3, mix


@pytest.mark.parametrize("count", [30, 400])
def test_covariance_is_that_of_ledoit_and_wolf(count):
    x, _ = correlated(count)
    whitening = Whitening(D)
    whitening.fit(x)
    expected, shrinkage = ledoit_wolf(x.double().numpy())
    assert shrinkage > 0.01
    np.testing.assert_allclose(whitening.mean, x.mean(0), rtol=1e-5)
    found = (whitening.factor @ whitening.factor.T).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_nothing_but_the_mean_is_known_of_one_vector():
    assert torch.equal(shrunk(torch.eye(3, dtype=torch.float64), 2.0, 9.0), torch.eye(3, dtype=torch.float64))
    whitening = Whitening(D)
    whitening.gather(torch.ones(1, D))
    whitening.refit()
    assert torch.equal(whitening.factor, torch.eye(D))


@pytest.mark.parametrize("masked", [False, True])
def test_there_and_back_with_its_determinant(masked):
    x, _ = correlated(100)
    whitening = Whitening(D)
    whitening.fit(x)
    mask = torch.arange(D) < torch.tensor([D, 5, 1])[:, None] if masked else None
    y = x[:3]
    z = whitening(y, mask)
    back = whitening.inverse(z, mask)
    real = torch.ones(3, D, dtype=torch.bool) if mask is None else mask
    torch.testing.assert_close(back[real], y[real], atol=1e-5, rtol=1e-5)
    assert (z[~real] == 0).all()
    covariance = (whitening.factor @ whitening.factor.T).double()
    for i in range(3):
        # The density of the first dimensions is that of their own marginal.
        k = int(real[i].sum())
        normal = torch.distributions.MultivariateNormal(whitening.mean[:k].double(), covariance[:k, :k])
        log_det = float(whitening.log_det(mask) if mask is None else whitening.log_det(mask)[i])
        found = float(-0.5 * z[i].square().sum() - 0.5 * k * np.log(2 * np.pi)) + log_det
        assert found == pytest.approx(float(normal.log_prob(y[i, :k].double())), abs=1e-3)


def test_what_is_missing_is_made_up_by_the_em_algorithm():
    """Later dimensions are missing in most rows; their covariance with the first is found all the same."""
    x, mix = correlated(6000)
    true = mix @ mix.T
    mask = torch.arange(D) < torch.randint(3, D + 1, (len(x), 1), generator=torch.Generator().manual_seed(3))
    errors = {}
    for rounds in (1, 40):
        whitening = Whitening(D)
        whitening.fit(torch.where(mask, x, 1e3), mask, rounds)
        errors[rounds] = float((whitening.factor @ whitening.factor.T - true).norm() / true.norm())
    assert errors[40] < 0.2 < 0.3 < errors[1]


def test_a_refit_takes_over_where_the_last_one_stood():
    x, _ = correlated(3000)
    whitening = Whitening(D)
    for _ in range(2):
        for part in x.split(500):
            whitening.gather(whitening(part))
        whitening.refit()
        assert whitening.count == 0
    z = whitening(x)
    assert z.mean(0).abs().max() < 1e-4
    torch.testing.assert_close(torch.cov(z.T), torch.eye(D), atol=0.25, rtol=0)


def test_widen_adds_independent_noise():
    whitening = Whitening(D)
    whitening.fit(correlated(100)[0])
    before = whitening.factor @ whitening.factor.T
    whitening.widen(0.25)
    torch.testing.assert_close(whitening.factor @ whitening.factor.T, before + 0.25 * torch.eye(D))
