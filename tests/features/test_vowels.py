"""Vowel images: the definition, the floor, the padding."""

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.vowels import vowel_frames, vowel_image, vowel_spectrogram


def test_spectrogram_is_the_definition():
    wave = np.random.default_rng(0).normal(size=8000) * 0.01
    x = vowel_spectrogram(torch.from_numpy(wave), 1000, 3007)
    assert x.shape == (125, 257)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for i in (0, 1, 124):
        middle = 1000 + 16 * i + 8
        frame = wave[middle - 200 : middle + 200] * 32768 * window
        expected = np.log(np.maximum(np.abs(np.fft.rfft(frame, 512)), 1))
        np.testing.assert_allclose(x[i].numpy(), expected, atol=1e-9)


def test_silence_is_the_floor_and_the_floor_is_zero():
    assert vowel_spectrogram(torch.zeros(4000), 100, 1000).abs().max() == 0
    assert vowel_spectrogram(torch.full((4000,), 1e-6), 100, 1000).min() == 0


def test_a_vowel_at_the_files_edges_is_reflected():
    wave = torch.randn(1600, generator=torch.Generator().manual_seed(0))
    x = vowel_spectrogram(wave, 0, 1600)
    assert x.shape == (100, 257)
    padded = torch.cat([wave[1:401].flip(0), wave, wave[-401:-1].flip(0)])
    torch.testing.assert_close(x, vowel_spectrogram(padded, 400, 2000))


def test_image_is_the_spectrogram_and_zeros():
    x = torch.rand(120, 257, generator=torch.Generator().manual_seed(0)) + 1
    image = vowel_image(x)
    assert image.shape == (288, 288)
    assert torch.equal(image[:120, :257], x)
    assert image[120:].abs().max() == image[:, 257:].abs().max() == 0
    assert torch.equal(vowel_image(torch.ones(288, 257))[:, :257], torch.ones(288, 257))


def test_longer_vowels_have_no_image():
    assert vowel_frames(0, 289 * 16) == 289
    with pytest.raises(InputError, match="289 x 257"):
        vowel_image(torch.zeros(289, 257))


@pytest.mark.parametrize("times", [(-1, 100), (0, 15), (3900, 4001), (200, 100)])
def test_impossible_times_are_input_errors(times):
    with pytest.raises(InputError, match="vowel"):
        vowel_spectrogram(torch.zeros(4000), *times)
