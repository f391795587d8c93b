"""Frames against their definition: reflection as often as needed."""

import numpy as np
import pytest
import torch

from speech_factorization.features.framing import gather_frames, overlap_add


def reflected(samples: int, place: int) -> int:
    """The sample that stands at any place of a wave reflected at its ends."""
    while not 0 <= place < samples:
        place = -place if place < 0 else 2 * (samples - 1) - place
        if samples == 1:
            return 0
    return place


@pytest.mark.parametrize("samples", [1, 2, 3, 50])
@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (0,), (2, 0)])
def test_every_sample_of_every_frame(samples: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(samples)
    wave = torch.from_numpy(rng.standard_normal(samples))
    starts = torch.from_numpy(np.asarray(rng.integers(-120, 120, shape)))
    frames = gather_frames(wave, starts, 10)
    assert frames.shape == (*shape, 10)
    for frame, start in zip(frames.reshape(-1, 10), starts.flatten().tolist(), strict=True):
        assert frame.tolist() == [float(wave[reflected(samples, start + i)]) for i in range(10)]


def test_overlap_add_gives_back_the_wave_its_frames_are_of() -> None:
    wave = torch.randn(100, generator=torch.Generator().manual_seed(0))
    window = torch.hann_window(20)
    frames = wave.unfold(0, 20, 4) * window
    found = overlap_add(frames, window, 4)
    assert found.shape == (100,)
    torch.testing.assert_close(found[4:-4], wave[4:-4])
    # Half the frames changed: the least squared error is in the middle.
    both = overlap_add(torch.stack([window, 3 * window]), window, 0)
    torch.testing.assert_close(both[5:15], torch.full((10,), 2.0))
