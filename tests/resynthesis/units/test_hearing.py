"""Log-mel bands stand where their frames are, and work done in parts is as work done at once."""

import pytest
import torch

from speech_factorization.resynthesis.units import hearing
from speech_factorization.resynthesis.units.hearing import BANDS, in_parts, listen, log_mel
from tests.resynthesis.units.speech import buzz


@pytest.mark.parametrize("place", [1, 7, 20])
def test_a_click_is_loudest_in_its_own_frame(place: int) -> None:
    wave = torch.zeros(4000)
    wave[160 * place + 80] = 1.0
    assert int(log_mel(wave).sum(1).argmax()) == place


def test_a_tone_is_in_the_band_of_its_frequency() -> None:
    n = torch.arange(8000) / 16_000
    loudest = [int(log_mel(torch.sin(2 * torch.pi * f * n))[25].argmax()) for f in (200.0, 1000.0, 4000.0)]
    assert loudest == sorted(set(loudest))
    # 4 kHz is 3/4 of the mel scale to 8 kHz.
    assert loudest[2] == pytest.approx(0.75 * BANDS, abs=2)


def test_bands_in_parts_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    wave = buzz(20_000)
    whole = log_mel(wave)
    monkeypatch.setattr(hearing, "PART", 13)
    assert torch.allclose(log_mel(wave), whole, atol=1e-6)
    assert whole.shape == (125, BANDS)


def test_listening_scales_to_one_level() -> None:
    wave = buzz(5000)
    assert listen(wave).square().mean().sqrt().item() == pytest.approx(0.05, rel=1e-4)
    assert torch.allclose(listen(wave * 1e-4), listen(wave), atol=1e-6)


@pytest.mark.parametrize("length", [1, 3, 16, 47, 48, 49])
@pytest.mark.parametrize("ratio", [1, 3])
def test_a_function_in_parts_is_the_function(length: int, ratio: int) -> None:
    random = torch.Generator().manual_seed(0)
    x, kernel = torch.randn(length, 2, generator=random), torch.randn(1, 2, 5 * ratio, generator=random)

    def function(part: torch.Tensor) -> torch.Tensor:
        # Outputs reach two of their hops to both sides.
        return torch.conv1d(part.T[None], kernel, stride=ratio, padding=2 * ratio)[0].T

    short = -length % ratio
    whole = function(torch.cat([x, x.new_zeros(short, 2)]))
    found = in_parts(function, x, ratio, part=4, context=2)
    assert found.shape == (-(-length // ratio), 1)
    assert torch.allclose(found, whole, atol=1e-5)
