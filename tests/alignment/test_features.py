"""Frames lie where they are said to lie."""

import numpy as np
import pytest
import torch

from speech_factorization.alignment.features import (
    cepstra,
    condition,
    deltas,
    frame,
    log_mel,
    mel_filters,
    spectral_change,
)


@pytest.mark.parametrize(("hop", "window"), [(160, 400), (80, 320), (80, 128), (80, 400)])
@pytest.mark.parametrize("time", [0, 79, 80, 4000, 4079, 15999])
def test_an_impulse_peaks_in_the_frame_that_holds_it(hop, window, time):
    x = torch.zeros(16000)
    x[time] = 1.0
    energy = log_mel(x, hop, window, 40).mean(dim=1)
    assert len(energy) == 16000 // hop
    assert int(energy.argmax()) == time // hop


def test_frames_are_centred():
    x = torch.arange(1000.0)
    frames = frame(x, 80, 320)
    assert frames.shape == (12, 320)
    assert frames[5].mean() == pytest.approx(5.5 * 80 - 0.5)


def test_a_later_sound_gives_later_frames():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=16000).astype(np.float32))
    later = torch.cat([torch.zeros(800), x])
    torch.testing.assert_close(log_mel(later, 80, 400, 40)[13:-5], log_mel(x, 80, 400, 40)[3:-5])
    torch.testing.assert_close(log_mel(later, 160, 400, 40)[8:-5], log_mel(x, 160, 400, 40)[3:-5])


def test_change_peaks_where_the_sound_changes():
    t = np.arange(16000) / 16000
    wave = np.where(t < 0.5, np.sin(2 * np.pi * 300 * t), np.sin(2 * np.pi * 3000 * t)).astype(np.float32)
    change = spectral_change(condition(wave * 0.5, 0, "x"), 80)
    highest = torch.nonzero(change[5:-5] == change[5:-5].max()).float() + 5
    assert float(highest.mean()) == pytest.approx(100, abs=0.5)
    assert change.max() == 4
    assert change.min() >= -2


def test_filters_hold_every_bin_between_their_ends():
    for bands in (24, 26, 40):
        weights = mel_filters(bands)
        torch.testing.assert_close(weights.sum(dim=0), torch.ones(bands))
        assert (weights.argmax(dim=0).diff() >= 0).all()


def test_deltas_of_a_line_are_its_slope():
    x = 3.0 * torch.arange(10.0)[:, None]
    torch.testing.assert_close(deltas(x)[2:-2], torch.full((6, 1), 3.0))


def test_cepstra_do_not_hear_the_level_and_zeros_are_finite():
    rng = np.random.default_rng(1)
    wave = (0.1 * rng.normal(size=8000)).astype(np.float32)
    quiet = cepstra(condition(wave, 0, "x"), 160, 400)
    loud = cepstra(condition(wave * 3, 0, "x"), 160, 400)
    torch.testing.assert_close(quiet, loud, atol=1e-3, rtol=1e-3)
    padded = np.concatenate([wave, np.zeros(8000, np.float32)])
    assert torch.isfinite(cepstra(condition(padded, 0, "x"), 160, 400)).all()


def test_dither_depends_on_the_name_alone():
    wave = np.zeros(100, np.float32)
    torch.testing.assert_close(condition(wave, 0, "a"), condition(wave, 0, "a"), rtol=0, atol=0)
    assert not torch.equal(condition(wave, 0, "a"), condition(wave, 0, "b"))
