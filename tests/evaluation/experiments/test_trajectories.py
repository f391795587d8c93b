"""Codes over time whose use and smoothness are known."""

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.trajectories import needs, run
from speech_factorization.interfaces import Data
from speech_factorization.models import identity, segment_vae, vae
from tests.evaluation.experiments.toys import Toy, batches


def autoregressive(rho, frames, dimensions, rng):
    """Unit variance, correlation rho from one frame to the next: [frames, dimensions]."""
    x = [rng.normal(size=dimensions)]
    for _ in range(frames - 1):
        x.append(rho * x[-1] + np.sqrt(1 - rho**2) * rng.normal(size=dimensions))
    return np.stack(x)


def utterances(rho, scale=1.0, count=5, bins=6):
    rng = np.random.default_rng(0)
    return {f"u{i}": scale * autoregressive(rho, 1500 + 100 * i, bins, rng) for i in range(count)}


def codes(model, x):
    return run(model, batches(x)).numbers["codes"]


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_smoothness_is_the_correlation_from_frame_to_frame(rho):
    found = codes(Toy(), utterances(rho))
    assert found["smoothness"] == pytest.approx(rho, abs=0.02)
    assert found["smoothness_of_spectrogram"] == pytest.approx(rho, abs=0.02)
    assert (found["active_dimensions"], found["dimensions"], found["utterances"]) == (4, 4, 5)


def test_smoothness_is_of_active_dimensions():
    """Two dimensions move smoothly, two are noise that hardly moves."""
    smooth, noise = utterances(0.9), utterances(0.0, scale=0.05)
    mixed = {name: np.concatenate([smooth[name][:, :2], noise[name][:, :2]], 1) for name in smooth}
    found = codes(Toy(), mixed)
    assert found["active_dimensions"] == 2
    assert found["smoothness"] == pytest.approx(0.9, abs=0.02)


def test_a_collapsed_code_has_no_active_dimension_and_no_smoothness():
    found = codes(Toy(), utterances(0.5, scale=0.05))
    assert (found["active_dimensions"], found["informative_dimensions"]) == (0, 0)
    assert "smoothness" not in found
    constant = codes(Toy(), {"u": np.full((20, 4), 0.1)})
    assert constant["active_dimensions"] == 0
    assert constant["smoothness_of_spectrogram"] == 1


def test_a_code_off_its_prior_informs_on_any_scale():
    found = codes(Toy(prior=1.0), utterances(0.5, scale=0.05))
    assert (found["active_dimensions"], found["informative_dimensions"]) == (0, 4)


def test_what_differs_between_utterances_alone_is_active_and_smooth():
    rng = np.random.default_rng(0)
    x = {f"u{i}": np.repeat(rng.normal(size=(1, 4)), 50, 0) for i in range(20)}
    found = codes(Toy(), x)
    assert found["active_dimensions"] == 4
    assert found["smoothness"] == pytest.approx(1)


def test_neither_padding_nor_order_changes_a_number():
    x = utterances(0.5)
    alone = run(Toy(), batches(x, size=1)).numbers["codes"]
    turned = dict(reversed(x.items()))
    assert run(Toy(), batches(turned, size=5)).numbers["codes"] == pytest.approx(alone, rel=1e-5)


def test_the_figure_shows_the_first_by_name_and_every_dimension():
    x = {"b": np.zeros((30, 6)), "a": np.ones((40, 6))}
    above, below, beside = run(Toy(), batches(x)).figures["trajectories"].axes[:3]
    assert above.get_title() == "a"
    assert above.images[0].get_array().shape == (6, 40)
    assert below.images[0].get_array().shape == (4, 40)
    assert len(beside.patches) == 4


def test_the_most_informative_dimension_is_drawn_first():
    x = {"u": np.random.default_rng(0).normal(size=(200, 4)) * (0.1, 2.0, 0.5, 1.0)}
    below = run(Toy(), batches(x)).figures["trajectories"].axes[1]
    assert [label.get_text() for label in below.get_yticklabels()] == ["1", "3", "2", "0"]
    np.testing.assert_allclose(below.images[0].get_array()[0], x["u"][:, 1], rtol=1e-4, atol=1e-4)


def test_needs_says_what_is_lacking():
    assert needs(vae.Model(vae.Hyperparameters(), Data({}, (257,)))) is None
    whole = identity.Model(identity.Hyperparameters(), Data({}, (257,)))
    assert needs(whole) == "has no posterior and prior of z"
    segments = segment_vae.Model(segment_vae.Hyperparameters(), Data({}, (20, 200)))
    assert needs(segments) == "takes no utterances"


def test_no_utterances_are_refused():
    with pytest.raises(InputError, match="no utterances"):
        run(Toy(), [])


def test_a_model_of_this_project_is_analysed_in_evaluation_mode():
    model = vae.Model(vae.Hyperparameters(), Data({}, (257,))).train()
    power = torch.rand(30, 257, generator=torch.Generator().manual_seed(0))
    found = run(model, batches({"u": power.log()})).numbers["codes"]
    assert found["dimensions"] == 16
    assert not model.training
