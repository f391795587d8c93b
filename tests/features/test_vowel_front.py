"""Vowel images: what each length does, what is exact, what is said of what is not."""

import math

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.mel import mel_bands
from speech_factorization.features.vowel_front import VowelFront
from tests.flow.glow.toys import changed_behind, vowels

LENGTHS = ("pad", "mask", "stretch")
BATCH = vowels(4)[0]


@pytest.mark.parametrize("length", ["pad", "mask"])
def test_at_the_published_size_nothing_is_lost(length):
    front = VowelFront(288, 288, "linear", length)
    image, mask = front.image(BATCH.x, BATCH.lengths)
    assert torch.equal(image, BATCH.x)
    assert torch.equal(front.picture(image, BATCH.lengths), BATCH.x)
    real = torch.arange(288) < BATCH.lengths[:, None]
    assert torch.equal(mask, real if length == "mask" else torch.ones_like(real))
    assert front.band_mask.sum() == 257


def test_frames_of_a_length():
    lengths = torch.tensor([1, 6, 7, 150, 288])
    assert VowelFront(48, 48, "mel", "mask").frames_of(lengths).tolist() == [1, 1, 2, 25, 48]
    assert VowelFront(48, 48, "mel", "stretch").frames_of(lengths).tolist() == [48] * 5


@pytest.mark.parametrize("length", LENGTHS)
def test_mel_is_the_definition(length):
    """At 288 frames each millisecond is a frame; stretched, one of a vowel that lasts as long."""
    lengths = torch.full((4,), 288)
    image, _ = VowelFront(288, 48, "mel", length).image(BATCH.x, lengths)
    weights = mel_bands(48, torch.arange(257) * 31.25, 7800.0, 50.0)
    magnitude = BATCH.x[..., :257].double().exp() / 32768
    expected = (magnitude @ weights.T.double() + 0.01).log()
    torch.testing.assert_close(image.double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("frames", "bands", "scale"), [(48, 48, "mel"), (96, 272, "linear")])
def test_what_stands_behind_the_vowel_is_not_looked_at(length, frames, bands, scale):
    front = VowelFront(frames, bands, scale, length)
    image, mask = front.image(BATCH.x, BATCH.lengths)
    other, _ = front.image(changed_behind(BATCH.x, BATCH.lengths, 7.0), BATCH.lengths)
    assert torch.equal(image[..., : front.band_mask.sum()], other[..., : front.band_mask.sum()])
    behind = torch.arange(frames) >= front.frames_of(BATCH.lengths)[:, None]
    assert (image[behind] == front.floor).all()
    assert bool(behind.any()) == (length != "stretch")
    assert torch.equal(mask, ~behind if length == "mask" else torch.ones_like(behind))
    assert torch.equal(front.silent(image) & behind, behind)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_ramp_comes_back_but_at_the_ends(length):
    """Linear in time between the first and the last frame's middles; half a frame before and behind is flat."""
    front = VowelFront(96, 257, "linear", length)
    lengths = torch.tensor([288, 200, 97, 60])
    t = torch.arange(288.0)
    x = (5 + 0.01 * t)[None, :, None] * (t < lengths[:, None])[:, :, None]
    x = torch.nn.functional.pad(x.expand(-1, -1, 257), (0, 31))
    back = front.picture(front.image(x, lengths)[0], lengths)
    error = (back - x).abs().amax(2)
    for i, n in enumerate(lengths.tolist()):
        half = math.ceil((n if length == "stretch" else 288) / 96 / 2)
        assert error[i, half : n - 3].max() < 1e-4
        assert error[i, :n].max() < 0.05
        assert (back[i, n:] == 0).all()


@pytest.mark.parametrize("length", LENGTHS)
def test_mel_there_and_back_keeps_the_envelope(length):
    front = VowelFront(48, 48, "mel", length)
    image, mask = front.image(BATCH.x, BATCH.lengths)
    x = front.picture(image, BATCH.lengths)
    assert x.shape == BATCH.x.shape
    again, _ = front.image(x, BATCH.lengths)
    real = mask & (torch.arange(48) < front.frames_of(BATCH.lengths)[:, None])
    error = (again - image)[real].abs()
    assert error.mean() < 0.2
    assert image[real].std() > 0.5


def test_silence_is_silence_in_the_picture():
    front = VowelFront(48, 48, "mel", "pad")
    image = torch.full((1, 48, 48), front.floor)
    image[0, :10] = 0.5
    x = front.picture(image)
    assert (x[0, :50, :257] > 5).all()
    assert (x[0, 70:] == 0).all()
    assert front.silent(image).sum() == 38


@pytest.mark.parametrize(
    ("frames", "bands", "scale", "length", "said"),
    [
        (50, 48, "mel", "pad", r"hp\.glow\.frames: 50 frames do not divide the 288 ms"),
        (48, 100, "linear", "mask", r"hp\.glow\.bands: 100 linear bands; a spectrum has 257"),
    ],
)
def test_sizes_that_cannot_be(frames, bands, scale, length, said):
    with pytest.raises(InputError, match=said) as caught:
        VowelFront(frames, bands, scale, length)
    assert "\n" not in str(caught.value)


def test_any_number_of_frames_can_be_stretched():
    assert VowelFront(50, 48, "mel", "stretch").image(BATCH.x, BATCH.lengths)[0].shape == (4, 50, 48)


def test_more_mel_bands_than_a_spectrum_has():
    VowelFront(48, 128, "mel", "pad")
    with pytest.raises(InputError, match=r"hp\.glow\.bands: 129 mel bands.*take 128 at most"):
        VowelFront(48, 129, "mel", "pad")
