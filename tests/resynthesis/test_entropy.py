"""Tables of codes: what they sum to, what they cost, that they are whole numbers, and that streams come back."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.entropy import LONGEST, Counts, Table, join, runs

CODES, PITCHES = 12, 5


def stream(rng: np.random.Generator, length: int, codes: int = CODES) -> torch.Tensor:
    """Runs of a chain in which k + 1 mostly follows k."""
    step = 1 + (rng.random(length) < 0.1) * rng.integers(0, codes, length)
    units = np.cumsum(step) % codes
    return torch.from_numpy(np.repeat(units, rng.integers(1, 6, length)))


def counted(utterances: int = 30) -> Counts:
    rng = np.random.default_rng(0)
    counts = Counts(CODES, 320, PITCHES, 1280)
    for _ in range(utterances):
        counts.add(stream(rng, 40), torch.from_numpy(rng.integers(0, PITCHES, 30)))
    return counts


streams = arrays.arrays(np.int64, st.integers(0, 200), elements=st.integers(0, CODES - 1), fill=st.just(3))


@given(streams)
def test_runs_are_another_form_of_the_stream(content) -> None:
    units, durations = runs(content)
    assert (join(units, durations) == content).all()
    assert len(units) == 0 or (durations.min() >= 1 and durations.max() <= LONGEST)
    # The same unit comes twice only where a run was too long.
    assert (durations[:-1][units[:-1] == units[1:]] == LONGEST).all()


def test_counts_are_of_what_follows_what() -> None:
    counts = Counts(3, 320, 2, 1280)
    counts.add(torch.tensor([0, 0, 0, 2, 1, 1]), torch.tensor([1, 0]))
    counts.add(torch.tensor([0, 2]), torch.tensor([], dtype=torch.int64))
    assert counts.content.tolist() == [[2, 0, 2], [0, 1, 0], [0, 1, 0], [2, 0, 0]]
    assert counts.pitch.tolist() == [[0, 0], [1, 0], [0, 1]]
    assert counts.durations[:, :3].tolist() == [[1, 0, 1], [0, 1, 0], [2, 0, 0]]
    assert int(counts.durations.sum()) == 5
    assert set(dict(counts.named_buffers())) == {"made_by", "content", "durations", "pitch"}


def test_other_makers_of_the_same_streams_have_another_fingerprint() -> None:
    """A file decoded with another speaker network would speak in another voice, and nothing would be said."""
    torch.manual_seed(0)
    makers = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    fingerprints = set()
    for changed in (None, 0, 1):
        if changed is not None:
            torch.nn.init.normal_(makers[changed].weight)
        counts = Counts(3, 320, 2, 1280)
        counts.belong_to(*makers)
        fingerprints.add(counts.tables().fingerprint)
    assert len(fingerprints) == 3
    counts.belong_to(*makers)
    assert counts.tables().fingerprint in fingerprints


def test_witten_bell_by_hand() -> None:
    """After 0: 6 times 0, 2 times 1; seen at all 7, 3, 0. Sizes as exact fractions of 2^16 less one each."""
    frequencies = Table.of(np.array([[6, 2, 0], [1, 1, 0], [0, 0, 0]])).frequencies
    assert (frequencies.sum(1) == 1 << 16).all()
    p = np.array([8, 4, 1]) / 13
    expected = (np.array([6, 2, 0]) + 2 * p) / 10
    assert frequencies[0] / 65536 == pytest.approx(expected, abs=1e-4)
    # A context never seen tells nothing.
    assert frequencies[2] / 65536 == pytest.approx(p, abs=1e-4)


@settings(max_examples=50)
@given(
    arrays.arrays(np.int64, st.tuples(st.integers(1, 9), st.integers(1, 40)), elements=st.integers(0, 2**40))
)
def test_frequencies_of_any_counts(counts) -> None:
    frequencies = Table.of(counts).frequencies
    assert (frequencies.sum(1) == 1 << 16).all()
    assert frequencies.min() >= 1


def test_too_many_symbols() -> None:
    with pytest.raises(InputError, match="an alphabet of 40000 codes"):
        Table.of(np.zeros((1, 40_000), np.int64))


@pytest.mark.parametrize("duplicates", [True, False])
def test_a_stream_comes_back_in_as_many_bytes_as_its_information(duplicates: bool) -> None:
    tables = counted().tables()
    rng = np.random.default_rng(1)
    content = stream(rng, 2000).numpy()
    pitch = rng.integers(0, PITCHES, 1500)
    data = tables.encode(content, pitch, duplicates)
    back = tables.decode(data, len(content), len(pitch), duplicates)
    assert all((a == b).all() for a, b in zip(back, (content, pitch), strict=True))
    bits = tables.pitch.bits(pitch, tables.pitch.contexts(pitch))
    if duplicates:
        bits += tables.content.bits(content, tables.content.contexts(content))
    else:
        units, durations = runs(content)
        bits += tables.runs.bits(units, tables.runs.contexts(units)) + tables.durations.bits(
            durations - 1, units
        )
    assert bits <= 8 * len(data) <= bits + 64
    # The chain is worth knowing: without it each unit takes log2 12 bits.
    assert bits < 0.6 * (len(content) * math.log2(CODES) + len(pitch) * math.log2(PITCHES))


@settings(max_examples=50, deadline=None)
@given(
    streams, arrays.arrays(np.int64, st.integers(0, 9), elements=st.integers(0, PITCHES - 1)), st.booleans()
)
def test_any_stream_comes_back(content, pitch, duplicates: bool) -> None:
    tables = Counts(CODES, 320, PITCHES, 1280).tables() if len(pitch) % 2 else counted(3).tables()
    back = tables.decode(tables.encode(content, pitch, duplicates), len(content), len(pitch), duplicates)
    assert all((a == b).all() for a, b in zip(back, (content, pitch), strict=True))


@pytest.mark.parametrize("duplicates", [True, False])
@pytest.mark.parametrize("units", [0, 30, 50, 10**12])
def test_bytes_of_another_length_are_refused(duplicates: bool, units: int) -> None:
    tables = counted().tables()
    content = np.array([0, 0, 1, 2, 2, 3, 4, 5] * 5)
    data = tables.encode(content, content[:0], duplicates)
    with pytest.raises(ValueError):
        tables.decode(data if units < 10**6 else data * 9, units, 3 * (units > 40), duplicates)


def test_the_fingerprint_is_of_everything_that_codes_depend_on() -> None:
    one, again, other = counted(), counted(), counted()
    assert one.tables().fingerprint == again.tables().fingerprint
    other.add(torch.tensor([0]), torch.tensor([0]))
    slower = counted()
    slower.hop = 160
    prints = {
        counts.tables().fingerprint for counts in (one, other, slower, Counts(CODES, 320, PITCHES, 1280))
    }
    assert len(prints) == 4


def test_the_format_stays_as_it_is() -> None:
    """Bytes of version 1, from before: neither the smoothing nor the coder may change under files that exist."""
    counts = Counts(4, 320, 2, 1280)
    counts.add(torch.tensor([0, 0, 1, 2, 2, 2, 3, 0, 0, 1]), torch.tensor([0, 1, 1]))
    tables = counts.tables()
    content, pitch = np.array([0, 0, 1, 1, 2, 3, 3, 3, 0, 1] * 3), np.array([0, 1, 1, 0, 1])
    assert tables.fingerprint.hex() == "73181b5c"
    assert tables.encode(content, pitch, True).hex() == "211b652cf38773c6"
    assert tables.encode(content, pitch, False).hex() == "8c92265054c1df05d445424b"
