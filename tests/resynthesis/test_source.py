"""The pulse train has the harmonics of F0 and nothing else, and runs on wherever it is cut."""

import math

import pytest
import torch

from speech_factorization.resynthesis.source import phases, pulses, steady_noise


def glide(frames: int) -> torch.Tensor:
    t = torch.arange(frames, dtype=torch.float64)
    return torch.where(t % 70 < 50, 150 + 60 * torch.sin(t / 40), 0.0)


def train(f0: torch.Tensor) -> torch.Tensor:
    return pulses(f0, phases(f0))


def test_harmonics_of_f0_and_nothing_between() -> None:
    f0 = torch.full((200,), 160.0, dtype=torch.float64)
    power = torch.fft.rfft(train(f0)).abs().square()
    # One bin a hertz: 16000 samples.
    lines = torch.arange(160, 8000, 160)
    torch.testing.assert_close(power[lines], power[160].expand(len(lines)), rtol=1e-6, atol=0)
    assert power[lines].sum() / power.sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("f0", [60.0, 123.4, 397.0])
def test_power_is_one_whatever_the_pitch(f0: float) -> None:
    assert train(torch.full((400,), f0)).square().mean() == pytest.approx(1.0, rel=0.02)


def test_silent_where_unvoiced() -> None:
    f0 = glide(210)
    voiced = (f0 > 0).repeat_interleave(80)
    e = train(f0)
    assert (e[~voiced] == 0).all()
    assert e[voiced].square().mean() == pytest.approx(1.0, rel=0.05)


def test_the_phase_is_the_integral_of_f0() -> None:
    # A straight glide has a phase to be written down.
    t = torch.arange(100, dtype=torch.float64)
    found = phases(100 + t)[1:-1]
    seconds = t[1:-1] * 80 / 16_000
    # F0 at sample s is 100 + (s / 80 - 1/2); half a frame lies between a frame's beginning and its middle.
    wanted = 99.5 * seconds + 200 * seconds.square() / 2
    error = (found - wanted - (found - wanted)[0]).remainder(1)
    assert torch.minimum(error, 1 - error).max() < 0.01


def test_no_jump_from_frame_to_frame() -> None:
    f0 = glide(50)
    steps = train(f0).diff().abs()
    within = steps.view(-1)[: 49 * 80 + 79]
    at_frames = within[79::80]
    # The largest steps are the pulses themselves; at the frames' edges there are no larger ones.
    assert at_frames.max() <= steps.max()
    once = torch.fft.rfft(train(torch.full((200,), 160.0, dtype=torch.float64)))
    assert once.isfinite().all()


def test_a_part_is_what_the_whole_has_there() -> None:
    f0 = glide(700)
    phase = phases(f0)
    whole = pulses(f0, phase)
    part = pulses(f0[300:400], phase[300:400])
    # But for the frames at the ends, which do not know their neighbours.
    torch.testing.assert_close(part[80:-80], whole[301 * 80 : 399 * 80], atol=1e-9, rtol=0)


def test_an_hour_in_single_precision() -> None:
    f0 = torch.full((720_000,), 199.7)
    phase = phases(f0)
    hour = (math.floor(720_000 - 1) * 80 * 199.7 / 16_000) % 1
    difference = abs(float(phase[-1]) - hour)
    assert min(difference, 1 - difference) < 0.05
    late = pulses(f0[-200:], phase[-200:])
    power = torch.fft.rfft(late.double() * torch.hann_window(16_000, dtype=torch.float64)).abs().square()
    assert power[190:210].sum() / power[150:250].sum() > 0.999


def test_noise_is_a_function_of_the_sample() -> None:
    whole = steady_noise(0, 20_000)
    torch.testing.assert_close(steady_noise(7_777, 5_000), whole[7_777:12_777], rtol=0, atol=0)
    assert whole.mean().abs() < 0.05
    assert whole.std() == pytest.approx(1.0, abs=0.03)
    # No block comes twice.
    assert not torch.equal(whole[:1280], whole[1280:2560])
