"""Trackers, held to sounds whose F0 is known, and to sounds that have none."""

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.pitch import track as tracking
from speech_factorization.resynthesis.pitch.track import HOP, TRACKERS, track

RATE = 16_000


def _harmonics(f0: np.ndarray) -> np.ndarray:
    """A sound [samples] of F0 [samples], falling by 6 dB an octave, with a little noise; silent where F0 is 0."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    wave = sum(np.cos(k * phase + k * k) / k * (k * f0 < 7500) for k in range(1, 30))
    noise = 1e-2 * np.random.default_rng(0).normal(size=len(f0))
    return (0.1 * np.where(f0 > 0, wave + noise, 0)).astype(np.float32)


def _middles(f0: np.ndarray) -> np.ndarray:
    """F0 in the middle of each hop."""
    return f0[HOP // 2 :: HOP]


@pytest.mark.parametrize("tracker", TRACKERS)
@pytest.mark.parametrize("hertz", [90.0, 160.0, 320.0])
def test_a_steady_voice(tracker, hertz: float) -> None:
    found = track(_harmonics(np.full(RATE, hertz)), tracker)
    assert found.shape == (200,)
    assert found.dtype == np.float32
    inner = found[20:-20]
    assert (inner > 0).all()
    # YAAPT counts whole samples of a period: half of one is 1 % at 320 Hz. Off by one they were 2 %.
    assert np.abs(np.median(inner) / hertz - 1) < (0.012 if tracker == "yaapt" else 0.002)


def test_yaapt_has_no_lag_that_is_one_too_long() -> None:
    for hertz in (100.0, 160.0, 200.0, 250.0, 320.0):  # whole numbers of samples to a period
        found = track(_harmonics(np.full(RATE, hertz)), "yaapt")
        assert np.median(found[20:-20]) == pytest.approx(hertz, rel=1e-5)


@pytest.mark.parametrize("tracker", TRACKERS)
def test_the_value_belongs_to_the_middle_of_its_hop(tracker) -> None:
    rising = 120 + 80 * np.arange(RATE) / RATE  # Hz: 0.4 Hz every hop
    found = track(_harmonics(rising), tracker)
    inside = slice(30, -30)
    late = (_middles(rising) - found)[inside].mean() / 0.4
    assert abs(late) < (1.0 if tracker == "yaapt" else 0.15), "hops"


@pytest.mark.parametrize("tracker", TRACKERS)
def test_voicing_is_found_within_a_few_hops(tracker) -> None:
    f0 = np.zeros(RATE)
    f0[4000:12_000] = 150
    voiced = track(_harmonics(f0), tracker) > 0
    assert voiced[58:142].all()
    assert not voiced[:40].any()
    assert not voiced[160:].any()


@pytest.mark.parametrize("tracker", TRACKERS)
def test_the_level_does_not_count(tracker) -> None:
    wave = _harmonics(np.full(8000, 140.0))
    found = track(wave, tracker)
    for gain in (1e-4, 8.0):
        assert np.allclose(track(wave * np.float32(gain), tracker), found, rtol=1e-4)


@pytest.mark.parametrize("tracker", TRACKERS)
@pytest.mark.parametrize("samples", [0, 1, 79, 80, 81, 160, 161, 400, 640, 700, 1000, 3999])
def test_any_length_and_one_value_a_hop(tracker, samples: int) -> None:
    found = track(_harmonics(np.full(samples, 200.0)), tracker)
    assert found.shape == (-(-samples // HOP),)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("tracker", TRACKERS)
def test_what_has_no_pitch_is_unvoiced(tracker) -> None:
    rng = np.random.default_rng(0)
    assert not track(np.zeros(RATE, np.float32), tracker).any()
    assert not track(np.full(RATE, 0.3, np.float32), tracker)[20:].any() or tracker == "yaapt"
    click = np.zeros(RATE, np.float32)
    click[8000] = 1
    assert np.isfinite(track(click, tracker)).all()
    whispered = rng.normal(size=RATE).astype(np.float32)
    # In white noise all of them hear a voice now and then, YAAPT more than the others.
    assert (track(whispered, tracker) > 0).mean() < (0.5 if tracker == "yaapt" else 0.25)


def test_bad_waves_are_refused_in_one_line() -> None:
    for wave in (np.array([0.0, np.nan]), np.array([np.inf, 0.0])):
        with pytest.raises(InputError, match="not a finite number"):
            track(wave)
    with pytest.raises(InputError, match="one channel"):
        track(np.zeros((2, 100)))


def test_a_long_wave_in_pieces_is_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    time = np.arange(5 * RATE + 37) / RATE
    f0 = np.where(np.sin(2 * np.pi * 0.9 * time) > -0.6, 150 + 40 * np.sin(2 * np.pi * 0.7 * time), 0)
    wave = _harmonics(f0)
    whole = track(wave)
    monkeypatch.setattr(tracking, "PIECE", RATE)
    monkeypatch.setattr(tracking, "CONTEXT", RATE // 2)
    pieces = track(wave)
    assert pieces.shape == whole.shape
    same = np.isclose(pieces, whole, rtol=0.01)
    assert same.mean() > 0.99
