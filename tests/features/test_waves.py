"""Crops of waves: what goes with each belongs to its samples, and chance depends on seed and epoch alone."""

import numpy as np
import pandas as pd
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.waves import WaveBatches

CROP, HOP = 2560, 320
LENGTHS = {"a1": 9000, "a2": 12_345, "a3": 2560, "b1": 20_000, "b2": 2000}


def made(batch: int = 2, hop: int = HOP, **more: object) -> WaveBatches:
    """Waves whose samples say where they are, and streams that say the same at their own rates."""
    table = pd.DataFrame(
        {
            "utterance": list(LENGTHS),
            "speaker": [name[0] for name in LENGTHS],
            "samples": list(LENGTHS.values()),
        }
    )

    def ramp(step: int) -> dict[str, np.ndarray]:
        return {name: np.arange(-(-n // step), dtype=np.float32) for name, n in LENGTHS.items()}

    random = np.random.default_rng(0)
    vectors = {name: random.normal(size=256).astype(np.float32) for name in LENGTHS}
    vectors = {name: v / np.linalg.norm(v) for name, v in vectors.items()}
    batches = WaveBatches(
        ramp(1), ramp(hop), ramp(1280), ramp(80), vectors, table, ["a", "b"], hop, CROP, batch, **more
    )
    batches.vectors_given = vectors
    return batches


@pytest.mark.parametrize("hop", [160, 320])
@pytest.mark.parametrize("shuffle", [False, True])
def test_streams_are_of_the_samples_they_go_with(hop: int, shuffle: bool) -> None:
    for epoch in range(3):
        for batch in made(hop=hop, shuffle=shuffle)(epoch):
            first = batch.x[:, 0].long()
            assert (first % 1280 == 0).all()
            torch.testing.assert_close(batch.x, first[:, None] + torch.arange(CROP).float())
            for name, step in (("content", hop), ("pitch", 1280), ("f0", 80)):
                stream = batch.streams[name]
                assert stream.shape == (len(batch.x), CROP // step)
                assert (stream[:, 0] * step == first).all()
            assert batch.streams["content"].dtype == batch.streams["pitch"].dtype == torch.int64
            assert batch.lengths.tolist() == [CROP] * len(batch.x)


def test_an_epoch_has_every_utterance_that_is_long_enough() -> None:
    batches = made(batch=3, shuffle=True)
    assert batches.skipped == 1
    assert len(batches) == len(list(batches(0))) == 2
    for epoch in range(3):
        names = [name for batch in batches(epoch) for name in batch.utterances]
        assert sorted(names) == ["a1", "a2", "a3", "b1"]
    (batch,) = made(batch=4)(0)
    assert batch.factors["speaker"].tolist() == [0, 0, 0, 1]


def test_several_crops_of_each() -> None:
    batches = made(batch=5, crops=3, shuffle=True)
    names = [name for batch in batches(0) for name in batch.utterances]
    assert sorted(names) == sorted(3 * ["a1", "a2", "a3", "b1"])
    assert len(batches) == len(list(batches(0))) == 3
    assert len(made(batch=5, crops=3)) == 1


def test_chance_is_of_seed_and_epoch() -> None:
    def epoch(number: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, tuple[str, ...]]:
        (batch,) = made(batch=9, seed=seed, shuffle=True)(number)
        return batch.x, batch.streams["speaker"], batch.utterances

    once, again = epoch(1), epoch(1)
    assert torch.equal(once[0], again[0])
    assert torch.equal(once[1], again[1])
    assert once[2] == again[2]
    assert any(epoch(k)[2] != once[2] for k in range(2, 6))
    assert any(epoch(1, seed)[2] != once[2] for seed in range(1, 5))


def test_every_place_comes_up() -> None:
    batches = made(batch=9, shuffle=True)
    seen = {int(x[0]) for epoch in range(150) for batch in batches(epoch) for x in batch.x}
    # b1 has 20 000 samples: crops begin in blocks 0 to 13.
    assert seen == {1280 * block for block in range(14)}


def test_half_of_the_vectors_are_the_mean_of_the_speaker_s() -> None:
    batches = made(batch=9, shuffle=True)
    mean = np.mean([batches.vectors_given[name] for name in ("a1", "a2", "a3")], axis=0)
    mean /= np.linalg.norm(mean)
    found = [
        vector.numpy()
        for epoch in range(200)
        for batch in batches(epoch)
        for name, vector in zip(batch.utterances, batch.streams["speaker"], strict=True)
        if name == "a1"
    ]
    means = np.array([np.allclose(vector, mean, atol=1e-6) for vector in found])
    assert 0.4 < means.mean() < 0.6
    for name in ("a1", "a2", "a3"):
        share = np.mean([np.allclose(v, batches.vectors_given[name]) for v in found])
        assert 0.1 < share < 0.25
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_in_order_the_middle_and_one_s_own_vector() -> None:
    batches = made(batch=9)
    (once,), (again,) = batches(0), batches(5)
    assert torch.equal(once.x, again.x)
    own = np.stack([batches.vectors_given[name] for name in once.utterances])
    np.testing.assert_array_equal(once.streams["speaker"].numpy(), own)
    assert once.x[:, 0].tolist() == [1280 * 3, 1280 * 4, 0, 1280 * 7]


def test_refused() -> None:
    table = pd.DataFrame({"utterance": ["a"], "speaker": ["a"], "samples": [2000]})
    nothing: dict[str, np.ndarray] = {}
    given = (nothing, nothing, nothing, nothing, nothing, table, ["a"], HOP)
    with pytest.raises(InputError, match="crops of 1000 samples"):
        WaveBatches(*given, 1000, 2)
    with pytest.raises(InputError, match="none of 1 utterances is as long as a crop of 2560"):
        WaveBatches(*given, 2560, 2)
    batches = made()
    batches._content = {name: np.zeros(3, np.float32) for name in LENGTHS}
    with pytest.raises(InputError, match="a1: a stream is shorter than its wave"):
        next(iter(batches(0)))
