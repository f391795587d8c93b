"""Vowel spectrograms back to sound."""

import torch

from speech_factorization.features.vowel_sound import by_griffin_lim, wave_of
from speech_factorization.features.vowels import vowel_spectrogram, vowel_spectrum

WAVE = 0.1 * torch.randn(6000, generator=torch.Generator().manual_seed(0))


def test_a_vowels_own_magnitude_and_phase_give_the_vowel():
    begin, end = 1000, 3004
    found = wave_of(vowel_spectrogram(WAVE, begin, end), vowel_spectrum(WAVE, begin, end))
    assert found.shape == (2000,)
    torch.testing.assert_close(found, WAVE[begin : begin + 2000], atol=1e-6, rtol=0)


def test_a_shorter_vowel_than_a_window():
    found = wave_of(vowel_spectrogram(WAVE, 16, 336), vowel_spectrum(WAVE, 16, 336))
    torch.testing.assert_close(found, WAVE[16:336], atol=1e-6, rtol=0)


def test_the_floor_is_silence_and_a_neper_more_is_louder():
    original = vowel_spectrum(WAVE, 1000, 2600)
    assert wave_of(torch.zeros(100, 257), original).abs().max() == 0
    louder = wave_of(vowel_spectrogram(WAVE, 1000, 2600) + 1, original)
    torch.testing.assert_close(louder, WAVE[1000:2600] * torch.e, atol=1e-5, rtol=0)


def test_griffin_lim_finds_sound_of_such_a_spectrogram() -> None:
    t = torch.arange(6000) / 16_000
    tone = 0.1 * torch.sin(2 * torch.pi * 500 * t) + 0.05 * torch.sin(2 * torch.pi * 1800 * t)
    x = vowel_spectrogram(tone, 1000, 3400)
    found = by_griffin_lim(x, torch.Generator().manual_seed(0))
    assert found.shape == (2400,)
    made, wanted = vowel_spectrogram(found, 400, 2000).exp(), x[25:125].exp()
    assert (made - wanted).square().sum() < 0.01 * wanted.square().sum()
    assert torch.equal(found, by_griffin_lim(x, torch.Generator().manual_seed(0)))
