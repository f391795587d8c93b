"""What one pass along the posterior mean says of whole utterances."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from speech_factorization.evaluation.experiments.analysis import analyse
from tests.evaluation.experiments.toys import Toy, batches


def log_powers(*lengths):
    rng = np.random.default_rng(0)
    return {f"u{i}": rng.normal(size=(length, 6)) for i, length in enumerate(lengths)}


@pytest.mark.parametrize(("z_logvar", "prior_logvar"), [(0.7, -0.3), (-0.3, 0.7), (0.7, 0.7)])
def test_kl_is_that_of_torch_distributions_in_every_frame_and_dimension(z_logvar, prior_logvar):
    x = log_powers(7, 12)
    model = Toy(prior=0.5, z_logvar=z_logvar, prior_logvar=prior_logvar)
    for found in analyse(model, batches(x)):
        q = Normal(torch.from_numpy(x[found.utterance][:, :4]), np.exp(z_logvar / 2))
        p = Normal(torch.tensor(0.5, dtype=torch.float64), np.exp(prior_logvar / 2))
        np.testing.assert_allclose(found.kl, kl_divergence(q, p), rtol=1e-4, atol=1e-5)


def test_an_utterance_has_its_own_real_frames_and_its_own_v():
    x = log_powers(7, 12, 9)
    found = {one.utterance: one for one in analyse(Toy(v_of=lambda mean: mean, v_logvar=-2.0), batches(x))}
    assert found.keys() == x.keys()
    for name, frames in x.items():
        np.testing.assert_allclose(np.log(found[name].power), frames, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found[name].z, frames[:, :4], rtol=1e-4, atol=1e-5)
        mean, logvar = found[name].v
        np.testing.assert_allclose(mean, frames[:, :4].mean(0), rtol=1e-4, atol=1e-5)
        assert logvar.tolist() == [-2.0] * 4
