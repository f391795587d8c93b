"""Codes are drawn, named and cut down to axes as they say."""

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.codes import draw, encode, principal_axes, readable_axes
from speech_factorization.interfaces import Batch


def batches(count, size=7):
    """Segment i holds the number i everywhere."""
    for i in range(0, count, size):
        number = torch.arange(i, min(i + size, count))
        x = number[:, None, None].float().expand(-1, 20, 200)
        names = tuple(f"u{n}" for n in number.tolist())
        yield Batch(x, torch.full((len(number),), 20), {"phone": number % 3}, names)


def test_draws_are_seeded_in_order_and_keep_what_belongs_together():
    drawn = draw(batches(100), 12, 0)
    numbers = drawn.x[:, 0, 0].long()
    assert len(numbers) == 12
    assert (numbers.diff() > 0).all()
    assert drawn.utterances == tuple(f"u{n}" for n in numbers.tolist())
    assert torch.equal(drawn.factors["phone"], numbers % 3)
    assert torch.equal(draw(batches(100), 12, 0).x, drawn.x)
    assert not torch.equal(draw(batches(100), 12, 1).x, drawn.x)
    assert len(draw(batches(100), 1000, 0).x) == 100


def test_draws_are_uniform_though_few_segments_are_held():
    counts = np.zeros(60)
    for seed in range(400):
        counts[draw(batches(60), 6, seed).x[:, 0, 0].long().numpy()] += 1
    # 40 expected of each, binomial.
    assert np.abs(counts - 40).max() < 4.5 * 36**0.5
    assert counts[:30].sum() == pytest.approx(1200, abs=4 * 25)


def test_nothing_to_draw_from():
    with pytest.raises(InputError, match="no segments"):
        draw([], 5, 0)


class Parts:
    """z and its halves; one part has no dimension."""

    def encode(self, x):
        z = x[:, 0, :6]
        return {"z": z, "z_phone": z[:, :2], "z_speaker": z[:, 2:2], "z_rest": z[:, 2:], "h": z}


def test_the_whole_code_and_its_parts_by_name():
    found = encode(Parts(), draw(batches(300), 300, 0))
    assert {name: x.shape for name, x in found.items()} == {
        "z": (300, 6), "z_phone": (300, 2), "z_rest": (300, 4)
    }  # fmt: skip
    assert (found["z_rest"][:, 0] == np.arange(300)).all()


def test_a_rest_that_is_all_of_z_is_no_part():
    class Flow:
        def encode(self, x):
            return {"z": x[:, 0], "z_rest": x[:, 0]}

    assert list(encode(Flow(), draw(batches(10), 10, 0))) == ["z"]


def noise_with_means(seed, classes=5, dimensions=300, items=1000, size=0.8):
    """N(0, I) around means that are small beside any one direction of the noise, and the classes."""
    means = np.random.default_rng(9).normal(size=(classes, 3)) * size
    rng = np.random.default_rng(seed)
    index = np.arange(items) % classes
    x = rng.normal(size=(items, dimensions))
    x[:, 50:53] += means[index]
    return x.astype(np.float32), index


def test_principal_axes():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 40)) * np.concatenate([[9, 5], np.ones(38)])
    axes = principal_axes(x, 2, 0)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-6)
    np.testing.assert_allclose(np.abs(axes[:2]), np.eye(2), atol=0.15)
    assert (principal_axes(x, 2, 0) == axes).all()
    assert (principal_axes(x, 40, 0) == np.eye(40)).all()


def test_class_means_are_never_cut_off():
    x, classes = noise_with_means(0)
    principal = principal_axes(x, 10, 0)
    axes = readable_axes(x, {"phone": classes}, principal)
    assert axes.shape == (300, 10 + 4)
    np.testing.assert_allclose(axes.T @ axes, np.eye(14), atol=1e-5)
    means = np.stack([x[classes == c].mean(0) for c in range(5)]) - x.mean(0)
    np.testing.assert_allclose(means @ axes @ axes.T, means, atol=1e-4)
    assert np.abs(means @ principal @ principal.T - means).max() > 0.1
    unknown = np.where(np.arange(1000) % 2 == 0, -1, classes)
    assert readable_axes(x, {"phone": unknown}, principal).shape == (300, 14)
