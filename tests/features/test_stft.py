"""The benchmark's input, and its exact inverse."""

import math

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample_poly

from speech_factorization.errors import InputError
from speech_factorization.features.stft import (
    active_range,
    istft,
    power_spectrogram,
    sine_window,
    stft,
    trim,
    unit_peak,
)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("samples", [257, 512, 4096, 4097, 5000])
def test_istft_reconstructs_perfectly(samples):
    wave = noise(2, 3, samples)
    spectrum = stft(wave)
    assert spectrum.shape == (2, 3, 1 + samples // 256, 257)
    torch.testing.assert_close(istft(spectrum, samples), wave, rtol=0, atol=1e-10)


def test_power_is_the_squared_magnitude_of_the_written_out_transform():
    wave = noise(2048)
    n = torch.arange(512, dtype=torch.float64)
    frame = wave[3 * 256 - 256 : 3 * 256 + 256] * torch.sin(math.pi * (n + 0.5) / 512)
    rotations = torch.exp(-2j * math.pi / 512 * n[:257, None] * n)
    expected = (frame * rotations).sum(1).abs() ** 2
    torch.testing.assert_close(power_spectrogram(wave)[3], expected, rtol=1e-9, atol=1e-9)


def test_first_frame_sees_the_reflected_start():
    wave = noise(2048)
    frame = torch.cat([wave[1:257].flip(0), wave[:256]]) * sine_window(512, wave)
    torch.testing.assert_close(stft(wave)[0], torch.fft.rfft(frame), rtol=1e-9, atol=1e-9)


def test_a_wave_too_short_to_reflect_is_an_input_error():
    with pytest.raises(InputError, match="256 samples is too short"):
        stft(torch.zeros(256))


def test_trim_cuts_at_the_frames_that_hold_sound():
    wave = np.full(16_000, 1e-3)
    wave[4096:8192] = 0.5
    # Frames of 2048 are centred at multiples of 512: those at 3584 .. 8704 overlap the loud part.
    assert active_range(wave) == (3584, 8704 + 512)
    assert trim(wave).shape == (5632,)


@pytest.mark.parametrize(("level", "begin"), [(-26.0, 0), (-29.0, 1024), (-31.0, 8192 - 512)])
def test_trim_draws_the_line_at_30_db(level, begin):
    # The zeros before the file make its first two frames up to 3 dB quieter, as librosa has it.
    wave = np.ones(16_384)
    wave[:8192] = 10 ** (level / 20)
    assert active_range(wave)[0] == begin


def test_trim_does_not_depend_on_the_level_and_keeps_silence():
    wave = np.random.default_rng(0).normal(size=20_000) * np.hanning(20_000) ** 4
    begin, end = active_range(wave)
    assert 0 < begin < end < 20_000
    assert active_range(wave * 0.1) == (begin, end)
    assert active_range(np.zeros(5000)) == (0, 5000)
    assert active_range(np.zeros(0)) == (0, 0)


def test_unit_peak_refuses_silence():
    assert np.abs(unit_peak(np.array([0.1, -0.4]))).max() == 1
    with pytest.raises(InputError, match="silent"):
        unit_peak(np.zeros(100))


def test_input_of_the_published_models_from_the_sound_file(reference):
    wave, rate = soundfile.read(reference / "emodb" / "wav" / "03a01Fa.wav")
    assert rate == 22_050
    wave = unit_peak(trim(resample_poly(wave, 320, 441)))
    expected = np.load(reference / "parity" / "VAE.npz")["u0_x"]
    power = power_spectrogram(torch.from_numpy(wave)).numpy()
    assert power.shape == expected.shape
    np.testing.assert_allclose(power, expected, rtol=1e-5, atol=1e-6 * expected.max())
