"""Batches: what is in them, and in which order."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive, write_matrices
from speech_factorization.features.batches import (
    ChunkBatches,
    SegmentBatches,
    UtteranceBatches,
    factor_indices,
)
from speech_factorization.features.stft import power_spectrogram


@pytest.fixture
def segments():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "segment": [f"u{i % 3}-{i}" for i in range(10)],
            "utterance": [f"u{i % 3}" for i in range(10)],
            "phone": list("abcabcabca"),
            "speaker": ["s2", "s1"] * 5,
        }
    )
    spectrograms = {key: rng.normal(size=(20, 200)).astype(np.float32) for key in table.segment}
    return spectrograms, table


def waves(*lengths):
    rng = np.random.default_rng(0)
    return {f"u{i}": rng.integers(-9000, 9000, size=n, dtype=np.int16) for i, n in enumerate(lengths)}


def test_factor_indices_follow_the_class_list():
    table = pd.DataFrame({"phone": ["b", "a", "x"]})
    assert factor_indices(table, {"phone": ("a", "b")})["phone"].tolist() == [1, 0, -1]
    with pytest.raises(InputError, match="emotion"):
        factor_indices(table, {"emotion": ("anger",)})


def test_segments_come_with_their_own_factors(segments):
    spectrograms, table = segments
    factors = {"phone": ("a", "b"), "speaker": ("s1", "s2")}
    batches = SegmentBatches(spectrograms, table, factors, 4, shuffle=True, seed=1)
    assert len(batches) == 3
    found = list(batches(0))
    assert [len(batch.x) for batch in found] == [4, 4, 2]
    rows = {spectrograms[row.segment].tobytes(): row for row in table.itertuples()}
    seen = set()
    for batch in found:
        assert batch.lengths.tolist() == [20] * len(batch.x)
        for i, x in enumerate(batch.x):
            row = rows[x.numpy().tobytes()]
            seen.add(row.segment)
            assert batch.utterances[i] == row.utterance
            assert batch.factors["phone"][i] == {"a": 0, "b": 1, "c": -1}[row.phone]
            assert batch.factors["speaker"][i] == {"s1": 0, "s2": 1}[row.speaker]
    assert len(seen) == 10


def order(batches, epoch):
    return [batch.factors["item"].tolist() for batch in batches(epoch)]


def test_order_depends_on_seed_and_epoch_alone(segments):
    spectrograms, table = segments
    table["item"] = table["segment"]
    make = lambda **options: SegmentBatches(spectrograms, table, {"item": list(table.item)}, 4, **options)  # noqa: E731
    shuffled = make(shuffle=True, seed=3)
    first, second = order(shuffled, 0), order(shuffled, 1)
    assert first != second
    assert order(make(shuffle=True, seed=3), 1) == second
    assert order(shuffled, 0) == first
    assert order(make(shuffle=True, seed=4), 0) != first
    assert sum(order(make(seed=3), 5), []) == list(range(10))


def peak_of_an_epoch(archive, count):
    """Bytes that batches of so many segments and an epoch of them take at most beside the archive and the table."""
    names = [f"u-{i}" for i in range(count)]
    table = pd.DataFrame({"segment": names, "utterance": names, "phone": "a"})
    tracemalloc.start()
    batches = SegmentBatches(archive, table, {"phone": ("a",)}, 64, shuffle=True)
    assert sum(len(batch.x) for batch in batches(0)) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_segments(tmp_path):
    """What grows is a name and a number for each; the spectrogram would be 16 000 bytes."""
    rng = np.random.default_rng(0)
    written = ((f"u-{i}", rng.normal(size=(20, 200)).astype(np.float32)) for i in range(1500))
    write_matrices(tmp_path / "segments", written)
    archive = Archive(tmp_path / "segments")
    small, large = (peak_of_an_epoch(archive, count) for count in (300, 1500))
    assert large - small < 1200 * 500


def test_chunks_are_cut_from_the_start_and_scaled_one_by_one():
    chunk = 9 * 256
    sounds = waves(2 * chunk + 100, chunk - 1, chunk)
    batches = ChunkBatches(sounds, ["u0", "u1", "u2"], 10, 2)
    assert batches.items == 3
    assert batches.skipped == 1
    found = list(batches(0))
    assert [batch.x.shape for batch in found] == [(2, 10, 257), (1, 10, 257)]
    assert found[0].utterances == ("u0", "u0")
    assert found[1].utterances == ("u2",)
    assert found[1].lengths.tolist() == [10]
    part = sounds["u0"][chunk : 2 * chunk].astype(np.float32)
    expected = power_spectrogram(torch.from_numpy(part / np.abs(part).max()))
    torch.testing.assert_close(found[0].x[1], expected)


def test_chunks_are_the_same_kept_or_computed_and_from_floats_or_integers():
    sounds = waves(20_000, 15_000)
    floats = {key: wave.astype(np.float32) / 32768 for key, wave in sounds.items()}
    names = list(sounds)
    kept = list(ChunkBatches(sounds, names, 10, 4, shuffle=True)(2))
    computed = list(ChunkBatches(sounds, names, 10, 4, shuffle=True, cache_bytes=0)(2))
    other = list(ChunkBatches(floats, names, 10, 4, shuffle=True)(2))
    for a, b, c in zip(kept, computed, other, strict=True):
        assert torch.equal(a.x, b.x)
        torch.testing.assert_close(a.x, c.x)
        assert a.utterances == b.utterances == c.utterances


def test_silent_chunks_are_left_out_and_counted():
    sounds = waves(3 * 9 * 256)
    sounds["u0"][9 * 256 : 18 * 256] = 0
    batches = ChunkBatches(sounds, ["u0"], 10, 4)
    assert (batches.items, batches.silent) == (2, 1)
    assert all(torch.isfinite(batch.x).all() for batch in batches(0))


def test_no_chunk_at_all_names_the_remedy():
    with pytest.raises(InputError, match=r"lower train\.utterances\.frames"):
        ChunkBatches(waves(5000), ["u0"], 150, 4)
    with pytest.raises(InputError, match="too short"):
        ChunkBatches(waves(5000), ["u0"], 2, 4)


def test_whole_utterances_longest_first_padded_with_zeros():
    sounds = waves(5000, 9000, 7000)
    batches = UtteranceBatches(sounds, ["u0", "u1", "u2"], 2)
    first, second = batches(0)
    assert first.utterances == ("u1", "u2")
    assert second.utterances == ("u0",)
    assert first.lengths.tolist() == [1 + 9000 // 256, 1 + 7000 // 256]
    wave = sounds["u2"].astype(np.float32)
    expected = power_spectrogram(torch.from_numpy(wave / np.abs(wave).max()))
    torch.testing.assert_close(first.x[1, : first.lengths[1]], expected)
    assert first.x[1, first.lengths[1] :].abs().max() == 0


def test_a_silent_utterance_and_an_empty_list_are_input_errors():
    with pytest.raises(InputError, match="u0: the utterance is silent"):
        list(UtteranceBatches({"u0": np.zeros(5000, np.int16)}, ["u0"], 2)(0))
    with pytest.raises(InputError, match="no utterances"):
        UtteranceBatches({}, [], 2)
    with pytest.raises(InputError, match="no segments"):
        SegmentBatches({}, pd.DataFrame({"segment": [], "utterance": []}), {}, 2)
