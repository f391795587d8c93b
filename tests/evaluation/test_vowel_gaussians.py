"""The baselines: a Gaussian's density, exact codes, the same methods as a flow."""

import math

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.vowel_gaussians import PPCA, TIMES, Plain
from tests.flow.glow.toys import SMALL, build, changed_behind, vowels

TRAIN, TEST = vowels(160), vowels(48, seed=1)
every = pytest.mark.parametrize("kind", [PPCA, Plain])
lengths_of_images = pytest.mark.parametrize("length", ["pad", "mask", "stretch"])


def fitted(kind, length):
    flow = build(length=length)
    flow.initialise(TRAIN)
    return kind(flow).fit(TRAIN), flow


@every
@lengths_of_images
def test_codes_are_exact_and_white(kind, length):
    gaussian, flow = fitted(kind, length)
    g = torch.Generator().manual_seed(0)
    codes, reals = [], []
    for batch in TRAIN:
        image, mask = gaussian.image(batch.x, batch.lengths)
        assert torch.equal(image, flow.image(batch.x, batch.lengths)[0])
        z = gaussian.encode_image(image, mask)
        assert z.shape == (len(image), gaussian.size)
        assert (gaussian.decode_image(z, mask) - image)[mask].abs().max() < 1e-4
        codes.append(gaussian.encode_image(gaussian.noisy(image, mask, g), mask))
        reals.append(mask[:, :, None].expand(image.shape).flatten(1))
    z, real = torch.cat(codes), torch.cat(reals)
    assert float(z[real].mean()) == pytest.approx(0, abs=0.05)
    # With fewer images than dimensions the covariance is shrunk, and the codes of these very images with it.
    assert (0.9 if kind is Plain else 0.4) < float(z[real].var()) < 1.1
    assert (z[~real] == 0).all()


@pytest.mark.parametrize("length", ["pad", "stretch"])
def test_bands_that_are_always_empty_do_not_count(length):
    flow = build(length=length, frames=8, bands=272, scale="linear", levels=1, squeezes=1, top="diagonal")
    flow.initialise(TRAIN)
    for kind in (PPCA, Plain):
        gaussian = kind(flow).fit(TRAIN)
        image, mask = gaussian.image(TEST[0].x, TEST[0].lengths)
        other = image.clone()
        other[..., 257:] = 3.0
        found = gaussian.log_prob_image(image, mask)
        assert torch.equal(gaussian.log_prob_image(other, mask), found)
        assert (gaussian.bins(mask) == 8 * 257).all()
        back = gaussian.decode_image(gaussian.encode_image(image, mask), mask)
        assert (back - image).abs().max() < 1e-3


@every
@lengths_of_images
def test_what_stands_behind_a_vowel_changes_nothing(kind, length):
    gaussian, _ = fitted(kind, length)
    batch = TEST[0]
    x = changed_behind(batch.x, batch.lengths, 5.0)
    assert torch.equal(gaussian.encode(x, batch.lengths)["z"], gaussian.encode(batch.x, batch.lengths)["z"])
    assert torch.equal(gaussian.log_prob(x, batch.lengths), gaussian.log_prob(batch.x, batch.lengths))


@pytest.mark.parametrize("length", ["mask", "stretch"])
def test_log_prob_is_that_of_the_normal_distribution(length):
    gaussian, _ = fitted(PPCA, length)
    batch = TEST[0]
    image, mask = gaussian.image(batch.x[:4], batch.lengths[:4])
    found = gaussian.log_prob_image(image, mask)
    factor = gaussian.whitening.factor.double()
    mean, covariance = gaussian.whitening.mean.double(), factor @ factor.T
    for i in range(4):
        k = int(gaussian.bins(mask)[i])
        normal = torch.distributions.MultivariateNormal(mean[:k], covariance[:k, :k])
        v = gaussian.standardise(image[i]).flatten()[:k].double()
        scaled = float(gaussian.standardise.scale.log().repeat(SMALL["frames"])[:k].sum())
        expected = float(normal.log_prob(v)) - scaled
        assert float(found[i]) == pytest.approx(expected, rel=1e-3, abs=0.5)
        bits = float(gaussian.bits(found, mask)[i])
        assert bits == pytest.approx((-expected / k + math.log(20 / math.log(10))) / math.log(2), abs=0.01)


def test_full_covariance_explains_more_than_independent_bins():
    bits = {}
    for kind in (PPCA, Plain):
        gaussian, _ = fitted(kind, "stretch")
        g = torch.Generator().manual_seed(0)
        found = []
        for batch in TEST:
            image, mask = gaussian.image(batch.x, batch.lengths)
            found.append(gaussian.bits(gaussian.log_prob_image(image, mask, g), mask))
        bits[kind] = float(torch.cat(found).mean())
    assert bits[PPCA] < bits[Plain] - 0.3


@every
@lengths_of_images
def test_samples_are_like_the_data(kind, length):
    gaussian, _ = fitted(kind, length)
    images = torch.cat([gaussian.image(b.x, b.lengths)[0] for b in TRAIN])
    g = torch.Generator().manual_seed(0)
    drawn, mask = gaussian.sample_image(400, g)
    assert drawn.shape == (400, *images.shape[1:])
    if length == "stretch":
        torch.testing.assert_close(drawn.mean(0), images.mean(0), atol=0.4, rtol=0)
        assert float((drawn.std(0) / images.std(0)).median()) == pytest.approx(1, abs=0.15)
    cold, _ = gaussian.sample_image(400, g, temperature=0.1)
    assert cold[:, :2].std() < drawn[:, :2].std()
    x = gaussian.sample(5, g)
    assert x.shape == (5, 288, 288)
    again = gaussian.sample(5, torch.Generator().manual_seed(3))
    assert torch.equal(again, gaussian.sample(5, torch.Generator().manual_seed(3)))
    lengths = gaussian.sample_lengths(200, g)
    if length == "pad":
        assert (lengths == 288).all()
    else:
        real = torch.cat([b.lengths for b in TRAIN]).float()
        assert real.min() <= lengths.min() < real.mean() < lengths.max() <= real.max()


def test_shrinkage_is_chosen_on_other_vowels():
    flow = build()
    flow.initialise(TRAIN)
    own, best = PPCA(flow).fit(TRAIN), PPCA(flow).fit(TRAIN, TEST)
    assert own.times == 1

    def nats(gaussian):
        g = torch.Generator().manual_seed(0)
        return sum(-float(gaussian.log_prob_image(*gaussian.image(b.x, b.lengths), g).sum()) for b in TEST)

    assert best.times in TIMES
    found = {times: PPCA(flow) for times in TIMES}
    for times, gaussian in found.items():
        v, _ = gaussian._images(TRAIN)
        gaussian._fit(gaussian._flat(v), None, times)
    assert best.times == min(found, key=lambda times: nats(found[times]))
    assert torch.equal(best.whitening.factor, found[best.times].whitening.factor)
    # Vowels it is fitted to are denser without any.
    assert PPCA(flow).fit(TRAIN, TRAIN).times == 0


def test_refusals():
    flow = build()
    with pytest.raises(InputError, match="no vowels to fit a Gaussian to"):
        PPCA(flow).fit([])
    large = build(frames=288, bands=288, scale="linear", squeezes=1, top="diagonal")
    with pytest.raises(InputError, match="82944 dimensions"):
        PPCA(large)
