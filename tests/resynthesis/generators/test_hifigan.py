"""HiFi-GAN: transposed convolutions are what the lecture says, and bad shapes are refused."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn
from torch.nn import functional

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.generators import build
from speech_factorization.resynthesis.generators.base import Streams
from speech_factorization.resynthesis.generators.hifigan import Settings


@pytest.mark.parametrize(("rate", "kernel"), [(5, 11), (4, 8), (2, 4)])
def test_a_transposed_convolution_puts_zeros_between_and_convolves(rate: int, kernel: int) -> None:
    """Each of the published upsamplings, with their paddings."""
    torch.manual_seed(0)
    padding = (kernel - rate) // 2
    transposed = nn.ConvTranspose1d(3, 2, kernel, rate, padding=padding)
    x = torch.randn(2, 3, 6)
    zeros = torch.zeros(2, 3, 6 * rate)
    zeros[..., ::rate] = x
    # From the first to the last of x: no zeros behind it.
    zeros = zeros[..., : 5 * rate + 1]
    kernels = transposed.weight.transpose(0, 1).flip(-1)
    found = functional.conv1d(zeros, kernels, transposed.bias, padding=kernel - 1 - padding)
    torch.testing.assert_close(found, transposed(x), atol=1e-5, rtol=1e-5)
    assert found.shape[-1] == 6 * rate


def test_units_at_100_hz_do_without_the_last_upsampling() -> None:
    made = [build(Settings(lut=4, channels=32), Streams(9, hop, 5)) for hop in (320, 160)]
    assert [len(one.ups) for one in made] == [5, 4]


def test_rates_that_do_not_fill_a_unit() -> None:
    with pytest.raises(InputError, match=r"rates \[4, 4\] do not multiply to the 320 samples of a unit"):
        build(Settings(lut=4, channels=32, rates=[4, 4], kernels=[8, 8]), Streams(9, 320, 5))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rates": [5, 4]}, "not equally many"),
        ({"rates": [2], "kernels": [5]}, "does not fit the rate"),
        ({"channels": 48}, "multiple of 32"),
        ({"fusion": [4]}, "odd"),
    ],
)
def test_shapes_that_cannot_be(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate(wrong)
