"""Overlap-add: nothing changed gives the sound back, and a change stays where it belongs."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.convert import Sound, change, cover
from speech_factorization.features.segment_sound import log_magnitude, spectrum, utterance_frames
from tests.evaluation.experiments.toys import Louder


def convert(wave: torch.Tensor, shift: torch.Tensor, stretches=None, generator=None) -> torch.Tensor:
    sound = Sound.of(wave)
    return sound.wave(change(Louder(), sound.x, shift, stretches), generator)


@pytest.fixture
def wave() -> torch.Tensor:
    """1.5 s of noise whose level swells."""
    noise = torch.randn(24_001, generator=torch.Generator().manual_seed(0))
    return 0.1 * noise * (1.2 + torch.sin(torch.arange(24_001) / 2000))


@pytest.mark.parametrize("stretches", [None, [(4000, 5000)], [(4000, 5000), (5500, 6000), (0, 20_000)]])
@pytest.mark.parametrize("samples", [24_001, 3200, 1601, 5])
def test_without_a_shift_the_wave_comes_back(wave: torch.Tensor, stretches, samples: int) -> None:
    wave = wave[:samples]
    inside = None if stretches is None else [(min(a, samples), min(b, samples)) for a, b in stretches]
    found = convert(wave, torch.zeros(4000), inside)
    assert found.shape == wave.shape
    # 100 dB below the wave: what float32 leaves of exp, log and two Fourier transforms.
    assert float((found - wave).norm() / wave.norm()) < 1e-5


def test_everything_changes_alike(wave: torch.Tensor) -> None:
    x = log_magnitude(spectrum(wave, utterance_frames(len(wave))))
    changed = change(Louder(), x, torch.full((4000,), 0.5))
    assert torch.allclose(changed, x + 0.5, atol=1e-5)


def test_a_stretch_changes_and_fades_out(wave: torch.Tensor) -> None:
    x = log_magnitude(spectrum(wave, utterance_frames(len(wave))))
    for begin, end in ((50, 58), (50, 90), (0, 10), (140, 150)):
        step = (change(Louder(), x, torch.ones(4000), [(160 * begin, 160 * end)]) - x).mean(1)
        assert torch.allclose(step[begin : end + 1], torch.ones(end + 1 - begin), atol=1e-5)
        outside = torch.cat([step[: max(begin - 3, 0)], step[end + 4 :]])
        assert float(outside.abs().max()) < 1e-5
        if begin:
            edge = step[begin - 4 : begin + 1]
            assert (edge.diff() > 0.1).all()
            assert float(edge.diff().max()) < 0.5


@pytest.mark.parametrize(
    ("begin", "end", "frames"),
    [(0, 19, 20), (0, 150, 151), (3, 9, 100), (60, 99, 100), (90, 99, 100), (40, 53, 100), (40, 54, 100)],
)
def test_windows_cover_a_stretch_and_its_fades(begin: int, end: int, frames: int) -> None:
    starts = cover(begin, end, frames)
    assert starts == sorted(set(starts))
    assert 0 <= starts[0] <= starts[-1] <= frames - 20
    covered = {frame for start in starts for frame in range(start, start + 20)}
    assert set(range(max(begin - 3, 0), min(end + 4, frames))) <= covered
    if end - begin < 14:
        assert len(starts) == 1
    # A short stretch lies in the middle of its window, unless the sound ends there.
    assert cover(40, 50, 100) == [36]


def test_griffin_lim_is_seeded_and_at_the_waves_level(wave: torch.Tensor) -> None:
    found = [convert(wave, torch.zeros(4000), generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert float(found[0].square().mean()) == pytest.approx(float(wave.square().mean()), rel=0.2)


def test_silence_is_refused() -> None:
    with pytest.raises(InputError, match="silent"):
        convert(torch.zeros(8000), torch.zeros(4000))
