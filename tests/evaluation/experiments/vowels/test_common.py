"""What experiments on vowels are given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.vowels.common import gather, needs
from speech_factorization.evaluation.vowel_gaussians import PPCA
from speech_factorization.models import identity
from tests.evaluation.experiments.vowels.toys import NAMES, Flow, Judge, batches, material, spoken


def test_needs_a_bijection_of_vowels() -> None:
    assert needs(Flow()) is None
    assert needs(identity.Model) == "takes no vowels"
    Flow.inputs, kept = ("vowels",), Flow.inputs
    other = type("Other", (), {"inputs": kept})()
    assert needs(other) == "its code of vowels is no bijection"


def test_vowels_are_drawn_with_their_rows() -> None:
    rows, waves = spoken(1, 3)
    flow = Flow()
    every = gather(flow, batches(rows, waves, NAMES), rows, 1000, 0, Judge())
    some = gather(flow, batches(rows, waves, NAMES), rows, 10, 0)
    assert len(every) == len(rows) == 36
    assert len(some) == 10
    assert some.posterior == {}
    for i, segment in enumerate(some.rows["segment"]):
        (j,) = np.flatnonzero(every.rows["segment"] == segment)
        assert torch.equal(some.image[i], every.image[j])
        assert NAMES["phone"][int(some.factors["phone"][i])] == some.rows["phone"][i]
    assert every.posterior["sex"].shape == (36, 2)
    assert torch.equal(every.at(np.array([3, 1])).image, every.image[[3, 1]])


def test_a_table_of_other_vowels() -> None:
    rows, waves = spoken(1, 1)
    with pytest.raises(InputError, match="12 vowels, 11 in their table"):
        gather(Flow(), batches(rows, waves, NAMES), rows[:11], 100, 0)


def test_material() -> None:
    found = material()
    assert found.own == "glow"
    assert found.densities == ["glow"]
    assert found.vowels == (0, 1)
    assert found.codes["glow"]["train"].shape == (72, 384)
    # Real vowels are typical, their means are not: they are smoother than any of them.
    assert found.typicality(found.test.image, found.test.mask)["typicality_by_glow"] == pytest.approx(
        0.95, abs=0.05
    )
    middle = found.test.image.mean(0, keepdim=True)
    assert found.typicality(middle, found.test.mask[:1])["typicality_by_glow"] == 0
    assert found.nearest(found.flat(found.test.image)).mean() == pytest.approx(1)
    (utterance, *_), _, _ = found.test.places()
    assert found.sound(utterance).square().mean().sqrt() == pytest.approx(0.05, rel=1e-4)


def test_samples_of_the_density_itself_are_typical_as_they_are() -> None:
    """They have the noise of training already: with it once more they are not."""
    found = material()
    model, g = PPCA(found.model), torch.Generator().manual_seed(0)
    # Smooth vowels: a tenth of the dimensions holds all that is not noise.
    some = torch.randn(384, 38, generator=g) / 6
    noisy = some @ some.T + model.noise**2 * torch.eye(384)
    model.whitening.factor.copy_(torch.linalg.cholesky(noisy))
    v = torch.empty(400, 384)
    v[:, model.order] = torch.randn(400, 38, generator=g) @ some.T
    image = model.standardise.inverse(v.view(400, 16, 24))
    test = replace(found.test, image=image, mask=torch.ones(400, 16, dtype=torch.bool))
    exact = replace(found, spaces={"ppca": model}, test=test)
    drawn, mask = model.sample_image(400, g, lengths=torch.full((400,), 100))
    assert exact.typicality(drawn, mask, noise=False)["typicality_by_ppca"] == pytest.approx(0.95, abs=0.03)
    assert exact.typicality(drawn, mask)["typicality_by_ppca"] < 0.1
    # At a lower temperature their noise is too quiet.
    cold, mask = model.sample_image(400, g, 0.7, torch.full((400,), 100))
    assert exact.typicality(cold, mask, noise=False)["typicality_by_ppca"] < 0.1


def test_the_two_vowels_most_frequent_where_the_preferred_ones_lack() -> None:
    assert material({"phone": ("aa", "iy")}).vowels == (0, 1)
    assert material({"phone": ("iy",)}).vowels is None
