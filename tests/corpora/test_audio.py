"""Sound files come out as int16 at 16 kHz, bit for bit where they are that already."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora.audio import SHORTEST, read_audio
from tests.corpora.trees import noise, sphere


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_sixteen_kilohertz_is_kept_bit_for_bit(tmp_path: Path, suffix: str) -> None:
    wave = noise(5000)
    wave[:2] = -32768, 32767
    soundfile.write(tmp_path / f"a{suffix}", wave, 16_000, subtype="PCM_16")
    read = read_audio(tmp_path / f"a{suffix}")
    assert read.dtype == np.int16
    np.testing.assert_array_equal(read, wave)


def test_sphere_is_kept_bit_for_bit(tmp_path: Path) -> None:
    wave = noise(5000)
    (tmp_path / "SA1.WAV").write_bytes(sphere(wave))
    np.testing.assert_array_equal(read_audio(tmp_path / "SA1.WAV"), wave)


def test_float_files_are_scaled(tmp_path: Path) -> None:
    wave = noise(5000)
    soundfile.write(tmp_path / "a.wav", wave / 32768, 16_000, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav"), wave)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_a_tone_keeps_its_pitch_level_and_length(tmp_path: Path, rate: int) -> None:
    time = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), rate)
    wave = read_audio(tmp_path / "a.wav").astype(float) / 32768
    assert len(wave) == 32_000
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(32_000) / 16_000)
    # The filter's edges see zeros outside the file.
    assert np.abs(wave - expected)[500:-500].max() < 2e-3


def test_what_lies_above_eight_kilohertz_is_not_folded_back(tmp_path: Path) -> None:
    time = np.arange(44_100) / 44_100
    tones = 0.5 * np.sin(2 * np.pi * 500 * time) + 0.4 * np.sin(2 * np.pi * 10_000 * time)
    soundfile.write(tmp_path / "a.wav", tones, 44_100)
    spectrum = np.abs(np.fft.rfft(read_audio(tmp_path / "a.wav")[1000:-1000] * np.hanning(14_000)))
    frequencies = np.fft.rfftfreq(14_000, 1 / 16_000)
    # The filter stops it by more than 50 dB; unfiltered it would stand at 0.8 of the lower tone.
    assert spectrum[np.abs(frequencies - 6_000) < 200].max() < 3e-3 * spectrum.max()


def test_overshoot_is_clipped_not_wrapped(tmp_path: Path) -> None:
    square = np.where(np.arange(22_050) // 50 % 2, 32767, -32768).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", square, 22_050)
    wave = read_audio(tmp_path / "a.wav").astype(int)
    assert wave.max() == 32767
    assert wave.min() == -32768
    # Wrapped, a sample beside the highest ones would be one of the lowest.
    highest = np.flatnonzero(wave[100:-100] == 32767) + 100
    assert (wave[highest - 1] > -32768).all()
    assert (wave[highest + 1] > -32768).all()


def test_the_shortest_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", noise(SHORTEST), 16_000)
    assert len(read_audio(tmp_path / "a.wav")) == SHORTEST
