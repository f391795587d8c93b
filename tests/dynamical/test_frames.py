"""Only power goes in, in frames that are there."""

import math

import pytest
import torch

from speech_factorization.dynamical.frames import frame_mask, poison, real_frames
from speech_factorization.errors import InputError


def test_frame_mask() -> None:
    mask = frame_mask(torch.tensor([3, 1]), 3)
    assert mask.tolist() == [[True, True, True], [True, False, False]]


def test_padding_is_zero_whatever_it_held() -> None:
    x = torch.ones(2, 3, 2)
    x[1, 1:] = torch.nan
    found, real = real_frames(x, torch.tensor([3, 1]), 2)
    assert found.tolist() == [[[1, 1]] * 3, [[1, 1], [0, 0], [0, 0]]]
    assert real.tolist() == [[True] * 3, [True, False, False]]
    found, real = real_frames(torch.zeros(1, 2, 2), None, 2)
    assert found.sum() == 0
    assert real.all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0])
def test_what_is_no_power_is_named(bad: float) -> None:
    x = torch.ones(2, 3, 2)
    x[1, 2, 1] = bad
    what = "below 0" if bad == -1 else "not finite"
    with pytest.raises(InputError, match=rf"^b: frame 2 of the spectrogram is {what}"):
        real_frames(x, None, 2, ("a", "b"))
    with pytest.raises(InputError, match="^item 1 of the batch: frame 2"):
        real_frames(x, None, 2)
    assert poison(x).isnan()
    assert poison(torch.zeros(1, 1, 1)) == 0


@pytest.mark.parametrize("lengths", [[3, 0], [4, 3], [3], [0, 0]])
def test_lengths_that_do_not_fit_are_named(lengths: list[int]) -> None:
    with pytest.raises(InputError, match=r"lengths \[.*\] of 2 spectrograms of 3 frames"):
        real_frames(torch.ones(2, 3, 2), torch.tensor(lengths), 2)


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 0, 4), (0, 3, 4), (3, 4)])
def test_another_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=rf"shape \({', '.join(map(str, shape))}\).*frames, 4\)"):
        real_frames(torch.ones(shape), None, 4)
