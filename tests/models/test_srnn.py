"""SRNN's likelihood by quadrature once more, with the factors the paper names put together by hand.

tests/models/test_dynamical_bounds.py takes p(z_t | .) and p(x_t | .) from the model's own forward pass; this does not.
"""

import torch

from speech_factorization.dynamical.gaussian import Gaussian, standard_noise
from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.dynamical.layers import previous
from speech_factorization.interfaces import Batch, Data, Schedule
from speech_factorization.models.srnn import Hyperparameters, Model


def tiny(z_dim: int) -> Model:
    torch.manual_seed(0)
    hp = Hyperparameters(z_dim=z_dim, rnn=3, x_h=[4], hx_g=[4], gz_z=[4], hz_z=[4], hz_x=[4])
    model = Model(hp, Data({}, (3,))).double()
    with torch.no_grad():
        for head in (model.p_x.head, model.p_z.head, model.q_z.head):
            head.weight.mul_(3)
    return model


@torch.no_grad()
def test_elbo_and_importance_weights_agree_with_the_likelihood() -> None:
    """ln p(x_1, x_2) over a grid of z_1 and z_2: the factors the paper names, put together by hand."""
    model = tiny(1)
    x = torch.tensor([[[0.3, 2.0, 0.7], [1.5, 0.2, 0.9]]], dtype=torch.float64)
    h, _ = model.lstm_h(model.x_h(previous(x)))

    z = torch.linspace(-10, 10, 801, dtype=torch.float64)[:, None]
    width = float(z[1] - z[0])
    n = len(z)

    def log_px(t: int) -> torch.Tensor:
        return -itakura_saito(x[0, t].expand(n, 3), model.p_x(h[0, t].expand(n, 3), z))

    first = model.p_z(h[0, 0], torch.zeros(1, dtype=torch.float64)).log_prob(z) + log_px(0)
    p_2 = model.p_z(h[0, 1].expand(n, 3), z)
    transition = Gaussian(p_2.mean[:, None], p_2.logvar[:, None]).log_prob(z[None])  # [z_1, z_2]
    joint = first[:, None] + transition + log_px(1)[None]
    log_likelihood = joint.flatten().logsumexp(0) + 2 * torch.tensor(width).log()

    many = x.expand(100_000, 2, 3)
    eps = standard_noise((100_000, 2, 1), torch.Generator().manual_seed(1), x)
    codes, q, p, log_y, _ = model(many, eps)
    log_w = (p.log_prob(codes["z"]) - itakura_saito(many, log_y) - q.log_prob(codes["z"])).sum(1)
    estimate = log_w.logsumexp(0) - torch.tensor(100_000.0).log()
    torch.testing.assert_close(estimate, log_likelihood, atol=0.02, rtol=0, check_dtype=False)

    schedule = Schedule(0, 1, 0, torch.Generator().manual_seed(2), training=False)
    terms = model.loss(Batch(many, torch.full((100_000,), 2)), "model", schedule)
    assert 2 * terms["elbo"] < log_likelihood - 0.05
    torch.testing.assert_close(2 * terms["elbo"], log_w.mean(), atol=0.03, rtol=0)
