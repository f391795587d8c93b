"""Log spectrograms of segments back to sound."""

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.segment_sound import (
    griffin_lim,
    level,
    log_magnitude,
    segment_frames,
    spectrum,
    utterance_frames,
    wave_of,
)
from speech_factorization.features.segments import segment_spectrogram


@pytest.fixture
def wave() -> torch.Tensor:
    """Two seconds of harmonics that glide, with noise and an offset that only DC holds."""
    t = torch.arange(32_000) / 16_000
    tones = sum(torch.sin(2 * np.pi * k * (120 * t + 10 * t**2)) / k for k in range(1, 20))
    return 0.1 * tones + 0.01 * torch.randn(32_000, generator=torch.Generator().manual_seed(0)) + 0.05


def test_spectra_are_those_of_segments(wave: torch.Tensor) -> None:
    sound = wave * level(wave)
    for centre in (100, 9_000, 31_900):
        x = segment_spectrogram(wave, torch.tensor([centre]))[0]
        assert torch.equal(log_magnitude(spectrum(sound, segment_frames(centre))), x)


def test_a_segment_with_its_own_phase_is_the_wave(wave: torch.Tensor) -> None:
    found = spectrum(wave, segment_frames(9_000))
    sound = wave_of(log_magnitude(found), found)
    assert len(sound) == 3440
    assert torch.allclose(sound[120:-120], wave[9_000 - 1600 : 9_000 + 1600], atol=1e-6)


@pytest.mark.parametrize("samples", [1, 150, 1600, 3200, 31_999, 32_000])
def test_a_whole_sound_comes_back(wave: torch.Tensor, samples: int) -> None:
    wave = wave[-samples:]
    frames = utterance_frames(samples)
    assert len(frames) >= 20
    assert frames[-1] >= samples
    found = spectrum(wave, frames)
    assert torch.allclose(wave_of(log_magnitude(found), found)[200:][:samples], wave, atol=1e-6)


def test_louder_by_a_neper_is_louder_by_a_neper(wave: torch.Tensor) -> None:
    wave = (wave - wave.mean()) * level(wave)
    found = spectrum(wave, utterance_frames(len(wave)))
    louder = (found[:, 1:].abs() * np.e + 0.01).log()
    sound = wave_of(louder, found)[200:][: len(wave)]
    assert torch.allclose(sound, np.e * wave, atol=0.02)


def test_griffin_lim_finds_a_phase(wave: torch.Tensor) -> None:
    wave = (wave - wave.mean()) * level(wave)
    x = log_magnitude(spectrum(wave, utterance_frames(len(wave))))
    errors = []
    for iterations in (0, 32):
        sound = griffin_lim(x, torch.Generator().manual_seed(0), iterations)[200:][: len(wave)]
        errors.append(
            float((log_magnitude(spectrum(sound, utterance_frames(len(wave)))) - x).square().mean())
        )
    assert errors[1] < 0.1 * errors[0]
    again = griffin_lim(x, torch.Generator().manual_seed(0))[200:][: len(wave)]
    assert torch.equal(again, sound)
    assert abs(float(sound.mean())) < 1e-3
    assert float(sound.square().mean()) == pytest.approx(float(wave.square().mean()), rel=0.05)


def test_what_is_under_the_floor_is_silence() -> None:
    original = torch.ones(20, 201, dtype=torch.complex64)
    original[:, 0] = 0
    assert (wave_of(torch.full((20, 200), -9.0), original) == 0).all()


def test_a_silent_wave_has_no_level() -> None:
    for wave in (torch.zeros(100), torch.zeros(0)):
        with pytest.raises(InputError, match="silent"):
            level(wave)
