"""The transform whose frames belong to their own hop."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.spectral import analyse, synthesise


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("fft", "hop"), [(640, 160), (480, 160), (1280, 320)])
def test_back_and_forth(fft: int, hop: int) -> None:
    wave = noise(2, 12 * hop)
    spectrum = analyse(wave, fft, hop)
    assert spectrum.shape == (2, fft // 2 + 1, 12)
    torch.testing.assert_close(synthesise(spectrum, fft, hop), wave, atol=1e-5, rtol=0)


def test_a_frame_is_centred_on_its_own_hop() -> None:
    wave = torch.zeros(1, 10 * 160)
    wave[0, 4 * 160 + 80] = 1.0
    power = analyse(wave, 640, 160).abs().square().sum(1)[0]
    assert power.argmax() == 4
    torch.testing.assert_close(power[3], power[5])
    assert power[7] == power[1] == 0


def test_what_is_said_of_a_frame_stays_within_its_window() -> None:
    spectrum = analyse(noise(1, 12 * 160), 640, 160)
    other = spectrum.clone()
    other[..., 6] = 0
    changed = (synthesise(spectrum, 640, 160) - synthesise(other, 640, 160))[0].nonzero()
    assert 6 * 160 - 240 <= changed.min() < changed.max() < 7 * 160 + 240


@pytest.mark.parametrize(("samples", "fft", "hop", "said"), [(161, 640, 160, "161"), (640, 600, 160, "600")])
def test_refused(samples: int, fft: int, hop: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        analyse(noise(1, samples), fft, hop)
