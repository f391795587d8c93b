"""Every dynamical VAE's bound against its likelihood, found by quadrature over z_1, z_2 (and v)."""

import importlib
import math

import pytest
import torch
from torch import Tensor

from speech_factorization.dynamical.gaussian import Gaussian, standard
from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.dynamical.model import DynamicalVAE, Frames
from speech_factorization.interfaces import Batch, Data, Schedule

# One-dimensional codes, and so few units that the likelihood is far from flat in them.
TINY = {
    "vae": {"x_z": [4], "z_x": [4]},
    "dkf": {"rnn": 3, "x_g": [4], "z_g": [4], "g_z": [4], "z_x": [4]},
    "storn": {"rnn": 3, "x_g": [4], "g_z": [4], "z_h": [4], "x_h": [4], "h_x": [4]},
    "vrnn": {"rnn": 3, "x": [4], "z": [4], "hx_z": [4], "h_z": [4], "hz_x": [4]},
    "srnn": {"rnn": 3, "x_h": [4], "hx_g": [4], "gz_z": [4], "hz_z": [4], "hz_x": [4]},
    "rvae_causal": {"rnn": 3, "x_g": [4], "z_g": [4], "g_z": [4], "z_h": [4], "h_x": [4]},
    "rvae": {"rnn": 3, "x_g": [4], "z_g": [4], "g_z": [4], "z_h": [4], "h_x": [4]},
    "dsae": {
        "v_dim": 1, "rnn": 3, "rnn_z": 3, "rnn_p": 3, "x_g": [4], "g_v": [4], "xv_r": [4], "r_k": [4], "vz_x": [4]
    },
}  # fmt: skip
X = torch.tensor([[[0.3, 2.0, 0.7], [1.5, 0.2, 0.9]]], dtype=torch.float64)
SAMPLES = 100_000


def tiny(name: str) -> DynamicalVAE:
    torch.manual_seed(0)
    module = importlib.import_module(f"speech_factorization.models.{name}")
    model: DynamicalVAE = module.Model(module.Hyperparameters(z_dim=1, **TINY[name]), Data({}, (3,))).double()
    with torch.no_grad():
        for part in ("p_x", "p_z"):
            if hasattr(getattr(model, part, None), "head"):
                getattr(model, part).head.weight.mul_(3)
        # Wide posteriors: importance weights of narrow ones have no variance to speak of.
        for part in ("q_z", "q_v"):
            if hasattr(model, part):
                getattr(model, part).head.bias[1] += 0.7
    return model


def log_joint(frames: Frames, x: Tensor) -> Tensor:
    """ln p(x, z, v) of each item, the constant of Itakura-Saito apart."""
    found = (frames.p.log_prob(frames.codes["z"]) - itakura_saito(x, frames.log_y)).sum(1)
    return found if frames.v is None else found + standard(frames.v.mean).log_prob(frames.codes["v"])


def log_likelihood(model: DynamicalVAE, points: int, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """ln p(x_1, x_2): the joint at every point of a grid of codes, put in place of their samples."""
    axis = torch.linspace(-8, 8, points, dtype=torch.float64)
    axes = [axis] * len(model.noise(X, None)) + [axis]
    grid = torch.cartesian_prod(*axes)
    noise = {"eps": grid[:, :2, None]} | ({"eps_v": grid[:, 2:]} if grid.shape[1] == 3 else {})
    x = X.expand(len(grid), -1, -1)
    with monkeypatch.context() as patch:
        patch.setattr(Gaussian, "sample", lambda self, eps: eps)
        joint = log_joint(model(x, **noise), x)
    return joint.logsumexp(0) + grid.shape[1] * math.log(float(axis[1] - axis[0]))


@torch.no_grad()
@pytest.mark.parametrize("name", TINY)
def test_bound_and_importance_weights_agree_with_the_likelihood(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(name)
    expected = log_likelihood(model, 81 if name == "dsae" else 401, monkeypatch)
    many = X.expand(SAMPLES, 2, 3)
    frames = model(many, **model.noise(many, torch.Generator().manual_seed(1)))
    log_q = frames.q.log_prob(frames.codes["z"]).sum(1)
    if frames.v is not None:
        log_q = log_q + frames.v.log_prob(frames.codes["v"])
    log_w = log_joint(frames, many) - log_q
    torch.testing.assert_close(log_w.logsumexp(0) - math.log(SAMPLES), expected, atol=0.02, rtol=0.0)

    schedule = Schedule(0, 1, 0, torch.Generator().manual_seed(2), training=False)
    elbo = 2 * model.loss(Batch(many, torch.full((SAMPLES,), 2)), "model", schedule)["elbo"]
    assert elbo < expected - 0.02
    error = float(log_w.std()) * math.sqrt(2 / SAMPLES)
    torch.testing.assert_close(elbo, log_w.mean(), atol=5 * error, rtol=0.0)
