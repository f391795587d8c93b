"""Files of codes: what was written comes back, and nothing that was changed is taken for a file."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.bitstream import Header, Voice, read, write
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.entropy import Counts, Tables
from speech_factorization.resynthesis.pitch.statistics import Statistics

HOP, UNITS, PITCH_HOP, PITCHES = 320, 12, 1280, 5


def codes_of(samples: int, seed: int = 0, dimensions: int = 256) -> Codes:
    rng = np.random.default_rng(seed)
    content = np.repeat(rng.integers(0, UNITS, samples // HOP + 1), rng.integers(1, 6, samples // HOP + 1))
    speaker = torch.from_numpy(rng.normal(size=dimensions).astype(np.float32))
    return Codes(
        torch.from_numpy(content[: -(-samples // HOP)]),
        torch.from_numpy(rng.integers(0, PITCHES, -(-samples // PITCH_HOP))),
        speaker / speaker.norm(),
        Statistics(float(rng.uniform(4, 6)), float(rng.uniform(0, 0.5))),
        samples,
        float(10 ** rng.uniform(-6, 0)),
    )


@pytest.fixture(scope="module")
def tables() -> Tables:
    counts = Counts(UNITS, HOP, PITCHES, PITCH_HOP)
    for seed in range(5):
        codes = codes_of(20_000, seed)
        counts.add(codes.content, codes.pitch)
    return counts.tables()


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(0, 40_000),
    seed=st.integers(0, 2**32 - 1),
    dimensions=st.sampled_from([1, 2, 256, 512]),
    duplicates=st.booleans(),
    included=st.booleans(),
)
def test_codes_come_back(
    tables: Tables, samples: int, seed: int, dimensions: int, duplicates: bool, included: bool
) -> None:
    codes = codes_of(samples, seed, dimensions)
    data = write(codes, tables, duplicates=duplicates, voice_included=included)
    back = read(data, tables, None if included else Voice.of(codes))
    assert torch.equal(back.content, codes.content)
    assert torch.equal(back.pitch, codes.pitch)
    assert back.samples == samples
    assert back.level == pytest.approx(codes.level, rel=6e-4)
    assert back.statistics.mean == pytest.approx(codes.statistics.mean, abs=1e-4)
    assert back.statistics.std == pytest.approx(codes.statistics.std, abs=1e-4)
    assert back.speaker.dtype == torch.float32
    assert float(back.speaker @ codes.speaker) > 0.9997
    assert float(back.speaker.norm()) == pytest.approx(1, abs=1e-5)
    # Once rounded, nothing changes any more.
    again = write(back, tables, duplicates=duplicates, voice_included=included)
    assert again == data


def test_what_a_file_takes(tables: Tables) -> None:
    codes = codes_of(80_000)
    alone, named = write(codes, tables), write(codes, tables, voice_included=False)
    header = Header.read(alone)
    assert (header.samples, header.hop, header.codes) == (80_000, HOP, UNITS)
    assert (header.pitch_hop, header.pitch_codes, header.duplicates) == (PITCH_HOP, PITCHES, True)
    # 3 + 1 + 1 + 4, 3 + 2 + 1 + 2 + 1 for numbers, 2 for the level, 1 for the payload's size, 4 at the end.
    assert len(named) == len(header.payload) + 9 + 9 + 2 + 4 + 1 + 4
    assert len(alone) == len(named) - 4 + 2 + 4 + 256
    assert Header.read(named).voice is None
    assert Header.read(named).voice_name == Voice.of(codes).name == header.voice_name


@pytest.mark.parametrize("duplicates", [True, False])
def test_every_changed_byte_and_every_truncation_is_refused(tables: Tables, duplicates: bool) -> None:
    codes = codes_of(16_000, dimensions=8)
    data = write(codes, tables, duplicates=duplicates)
    for place in range(len(data)):
        for bits in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[place] ^= bits
            with pytest.raises(InputError, match="x.sfc"):
                read(bytes(changed), tables, where="x.sfc")
    for length in range(len(data)):
        with pytest.raises(InputError, match="cut off|no file of compressed|damaged"):
            read(data[:length], tables, where="x.sfc")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_random_damage_is_refused(tables: Tables, data: st.DataObject) -> None:
    """Bytes changed, left out, put in or put at the end; and bytes that are no file at all."""
    whole = write(codes_of(data.draw(st.integers(0, 5000)), dimensions=8), tables)
    place = data.draw(st.integers(0, len(whole)))
    removed = data.draw(st.integers(0, 4))
    put = data.draw(st.binary(max_size=8))
    damaged = whole[:place] + put + whole[place + removed :]
    if damaged == whole:
        assert read(damaged, tables).samples >= 0
        return
    for found in (damaged, put):
        with pytest.raises(InputError):
            read(found, tables)


def sealed(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 3))
def test_a_forged_file_ends_in_codes_or_in_one_line(tables: Tables, body: bytes, flags: int) -> None:
    """A right checksum over anything: no other error, and no endless decoding."""
    numbers = b"".join(bytes([n & 127 | 128, n >> 7]) for n in (HOP, UNITS, PITCH_HOP, PITCHES))
    for start in (b"", tables.fingerprint, tables.fingerprint + b"\xff\xff\xff\xff\x7f" + numbers):
        try:
            codes = read(sealed(b"SFC\x01" + bytes([flags]) + start + body), tables, voice(0))
        except InputError:
            continue
        assert len(codes.content) == -(-codes.samples // HOP)


def voice(seed: int) -> Voice:
    return Voice.of(codes_of(16_000, seed))


def test_a_voice_is_known_by_its_name(tables: Tables) -> None:
    codes = codes_of(16_000)
    named = write(codes, tables, voice_included=False)
    with pytest.raises(InputError, match=r"x: the voice is not in the file; name a file that has it"):
        read(named, tables, where="x")
    with pytest.raises(InputError, match="not the one the file means"):
        read(named, tables, voice(1), "x")
    # Of a file that has its own voice, no other one is taken.
    assert read(write(codes, tables), tables, voice(1)).statistics == voice(0).statistics


def test_a_voice_given_to_codes(tables: Tables) -> None:
    other = voice(3)
    given_to = other.given_to(codes_of(16_000))
    assert torch.equal(given_to.speaker, torch.from_numpy(other.speaker))
    assert given_to.statistics == other.statistics
    assert Header.read(write(given_to, tables, voice_included=False)).voice_name == other.name


def test_other_units_are_refused(tables: Tables) -> None:
    data = write(codes_of(16_000), tables)
    slower = Counts(UNITS, 160, PITCHES, PITCH_HOP).tables()
    with pytest.raises(InputError, match="coded as 12 units every 320 samples .* the model has 12 every 160"):
        read(data, slower, where="x")
    retrained = Counts(UNITS, HOP, PITCHES, PITCH_HOP).tables()
    with pytest.raises(InputError, match="x: coded with other units or statistics"):
        read(data, retrained, where="x")


def test_a_later_version_says_so(tables: Tables) -> None:
    data = bytearray(write(codes_of(16_000), tables))
    data[3] = 2
    with pytest.raises(InputError, match="x: is of version 2 of the format, known is 1"):
        read(bytes(data), tables, where="x")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"samples": 16_321}, "50 units of 16321 samples, one every 320"),
        ({"content": torch.full((50,), UNITS)}, "units beyond the 12"),
        ({"content": torch.full((50,), -1)}, "units beyond the 12"),
        ({"pitch": torch.full((13,), PITCHES)}, "pitch codes beyond the 5"),
        ({"level": 0.0}, "a level of 0"),
        ({"level": float("nan")}, "a level of nan"),
        ({"speaker": torch.zeros(256)}, "of size 0"),
        ({"speaker": torch.full((256,), torch.nan)}, "of size nan"),
        ({"statistics": Statistics(-1.0, 0.1)}, r"a voice of log F0 \[-1.0, 0.1\]"),
        ({"statistics": Statistics(float("nan"), 0.1)}, "a voice of log F0"),
    ],
)
def test_codes_that_cannot_be(tables: Tables, change, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write(replace(codes_of(16_000), **change), tables)


def test_the_format_stays_as_it_is() -> None:
    """A file of version 1, from before."""
    counts = Counts(2, 320, 2, 1280)
    counts.add(torch.tensor([0, 0, 1]), torch.tensor([0, 1]))
    statistics = Statistics(4.75, 0.25)
    codes = Codes(
        torch.tensor([0, 1, 1, 0, 0]), torch.tensor([1, 0]), torch.tensor([0.6, -0.8]), statistics, 1500, 0.05
    )
    data = write(codes, counts.tables())
    assert data[:5] == b"SFC\x01\x02"
    assert data.hex() == ("53464301022cd65476dc0bc00202800a024cf402546fdc055f810480ae0fb1a66e67aa")
