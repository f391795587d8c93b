"""Crops for a network that tells speakers apart: which, where from, and how fast they are played."""

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.speaker_batches import CropBatches

SPEAKERS = ("a", "b")
CROP = 8000
CROPS = (CROP, 4, [0.9, 1.1])


def _waves() -> dict[str, np.ndarray]:
    """Six utterances of noise of each of two speakers."""
    rng = np.random.default_rng(0)
    return {f"{'ab'[i % 2]}{i}": rng.normal(size=12_000).astype(np.float32) for i in range(12)}


def _batches(shuffle: bool) -> CropBatches:
    waves = _waves()
    return CropBatches(
        waves, list(waves), [name[0] for name in waves], SPEAKERS, *CROPS, seed=3, shuffle=shuffle
    )


def test_crops_are_a_function_of_seed_and_epoch() -> None:
    batches = _batches(True)
    first, again, other = (torch.cat([b.x for b in batches(epoch)]) for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (12 * 3, CROP)
    assert len(batches) == len(list(batches(0)))
    # Faster and slower speakers are classes of their own.
    assert sorted(set(torch.cat([b.factors["speaker"] for b in batches(0)]).tolist())) == list(range(6))


def test_validation_crops_are_the_middles() -> None:
    batch = next(_batches(False)(0))
    wave = _waves()[batch.utterances[0]]
    assert np.array_equal(batch.x[0].numpy(), wave[2000:10_000])
    assert batch.factors["speaker"].tolist() == [0, 1, 0, 1]


def test_a_played_faster_crop_has_its_spectrum_moved_up() -> None:
    time = np.arange(16_000) / 16_000
    waves = {"u": np.sin(2 * np.pi * 1000 * time).astype(np.float32)}
    batches = CropBatches(waves, ["u"], ["a"], ["a"], *CROPS, seed=0, shuffle=True)
    (batch,) = batches(0)
    peaks = batch.x.numpy() * np.hanning(8000)
    found = dict(
        zip(batch.factors["speaker"].tolist(), np.abs(np.fft.rfft(peaks)).argmax(1) * 2, strict=True)
    )
    assert found == {0: 1000, 1: 900, 2: 1100}


def test_integer_and_short_waves() -> None:
    waves = {"u": np.full(100, 16384, np.int16)}
    (batch,) = CropBatches(waves, ["u"], ["a"], ["a"], *CROPS)(0)
    assert batch.x.shape == (1, CROP)
    assert torch.equal(batch.x, torch.full((1, CROP), 0.5))
    with pytest.raises(InputError, match="'b'"):
        CropBatches(waves, ["u"], ["b"], ["a"], *CROPS)
