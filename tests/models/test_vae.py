"""VAE: its bound against the likelihood found by quadrature."""

import torch

from speech_factorization.dynamical.gaussian import Gaussian, standard
from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.interfaces import Batch, Data, Schedule
from speech_factorization.models.vae import Hyperparameters, Model


def test_elbo_is_the_likelihood_less_the_posteriors_divergence() -> None:
    torch.manual_seed(0)
    model = Model(Hyperparameters(z_dim=1, x_z=[4], z_x=[4]), Data({}, (3,))).double()
    with torch.no_grad():
        model.p_x.head.weight.mul_(4)
    x = torch.tensor([0.3, 2.0, 0.7], dtype=torch.float64)
    q = Gaussian(*(v.detach() for v in model.q_z(x)))

    z = torch.linspace(-12, 12, 20_001, dtype=torch.float64)[:, None]
    width = z[1] - z[0]
    with torch.no_grad():
        log_px = -itakura_saito(x.expand(len(z), 3), model.p_x(z))
    log_q, log_p = q.log_prob(z), standard(z).log_prob(z)
    log_likelihood = ((log_p + log_px).exp() * width).sum().log()
    divergence = (log_q.exp() * (log_q - (log_p + log_px - log_likelihood)) * width).sum()
    expected = log_likelihood - divergence

    frames = x.expand(400, 5000, 3)
    generator = torch.Generator().manual_seed(1)
    schedule = Schedule(0, 1, 0, generator, training=False)
    terms = model.loss(Batch(frames, torch.full((400,), 5000)), "model", schedule)
    assert divergence > 0.05
    torch.testing.assert_close(terms["elbo"], expected, atol=6e-3, rtol=0)
    assert terms["elbo"] < log_likelihood
    torch.testing.assert_close(terms["kl"], (log_q.exp() * (log_q - log_p) * width).sum())
