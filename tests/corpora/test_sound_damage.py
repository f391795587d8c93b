"""Sound files that are cut off, damaged or no sound at all: a fault each, never another sound than was recorded."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from speech_factorization.corpora.audio import SHORTEST, read_audio, source_rate
from speech_factorization.corpora.faults import Fault
from tests.corpora.sound_forms import FORMS, NAMES, sphere_of, tone, written
from tests.corpora.trees import noise

SOUND = noise(16_000).tobytes()


@pytest.mark.parametrize(("form", "coding", "most"), FORMS, ids=NAMES)
def test_a_file_that_is_cut_off_is_no_shorter_one(
    tmp_path: Path, form: str, coding: str, most: int | None
) -> None:
    path = tmp_path / "sound"
    content = written(form, coding, noise(48_000))
    for length in (len(content) * 2 // 3, len(content) - 1500, 60):
        path.write_bytes(content[:length])
        with pytest.raises(Fault) as error:
            read_audio(path)
        assert "\n" not in str(error.value)
        assert error.value.reason in (
            "the audio file is cut off",
            "the audio file is unreadable",
            "the SPHERE header is malformed",
        )


def damaged(content: bytes) -> Iterator[bytes]:
    """The same with something wrong behind the first 5 %: a bit, some bytes other, gone, twice or too many."""
    random = np.random.default_rng(1)
    for trial in range(25):
        place = int(random.integers(len(content) // 20, len(content) - 100))
        more = int(random.integers(1, 5000))
        head, tail = content[:place], content[place:]
        match trial % 5:
            case 0:
                yield head + bytes([tail[0] ^ 1 << int(random.integers(8))]) + tail[1:]
            case 1:
                yield head + random.bytes(40) + tail[40:]
            case 2:
                yield head + tail[more:]
            case 3:
                yield head + tail[:more] + tail
            case _:
                yield head + random.bytes(more) + tail


@pytest.mark.parametrize(("form", "coding"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16")])
def test_damage_in_the_middle_is_a_fault(tmp_path: Path, form: str, coding: str) -> None:
    """Every page of an OGG and every frame of a FLAC file has a checksum."""
    path = tmp_path / "sound"
    content = written(form, coding, noise(80_000))
    for number, broken in enumerate(damaged(content)):
        path.write_bytes(broken)
        with pytest.raises(Fault) as error:
            raise AssertionError(f"read: {number}, {len(read_audio(path))} samples")
        assert error.value.remedy


def read_or_reason(path: Path) -> tuple[NDArray[np.int16] | None, str]:
    """The wave, or why there is none."""
    try:
        return read_audio(path), ""
    except Fault as fault:
        return None, fault.reason


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_damage_in_the_middle_of_an_mp3_moves_nothing(tmp_path: Path, rate: int) -> None:
    """There are no checksums: a few frames may be spoilt, but what follows is in its place."""
    path, wave = tmp_path / "sound", tone(5 * rate, rate)
    content = written("MP3", "MPEG_LAYER_III", wave + noise(5 * rate, 1) // 4, rate)
    path.write_bytes(content)
    whole = read_audio(path)
    kept = 0
    for number, broken in enumerate(damaged(content)):
        path.write_bytes(broken)
        read, reason = read_or_reason(path)
        if read is None:
            assert reason.startswith(("the audio file is", "the MP3 does not say")), (number, reason)
            continue
        kept += 1
        assert len(read) == len(whole), number
        ends = np.array([whole[:8000], read[:8000]]), np.array([whole[-8000:], read[-8000:]])
        assert max(np.corrcoef(end)[0, 1] for end in ends) > 0.9, number
    assert 0 < kept < 20


def pages(content: bytes) -> list[bytes]:
    """The pages of an OGG file."""
    return [b"OggS" + page for page in content.split(b"OggS")[1:]]


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
def test_pages_of_an_ogg_file_follow_each_other(tmp_path: Path, coding: str) -> None:
    path = tmp_path / "a.ogg"
    parts = pages(written("OGG", coding, noise(160_000)))
    assert len(parts) > 4
    for order in ([*parts[:3], *parts[4:]], [*parts[:3], parts[3], *parts[3:]]):
        path.write_bytes(b"".join(order))
        with pytest.raises(
            Fault, match=r"page \d at byte \d+, where \d has to be: the audio file is damaged"
        ):
            read_audio(path)
    # A tag behind the last page is none of its business; a damaged page is.
    path.write_bytes(b"".join(parts) + b"TAG".ljust(128))
    assert len(read_audio(path)) == 160_000
    path.write_bytes(b"".join(parts) + b"X" + b"".join(parts))
    with pytest.raises(Fault, match="the audio file is damaged"):
        read_audio(path)


def sound_or_fault(path: Path) -> None:
    """Samples within what the file can hold, or one clear line; nothing else."""
    for read in (lambda: read_audio(path), lambda: read_audio(path, 1, 0.1, 0.6), lambda: source_rate(path)):
        found, fault = None, None
        try:
            found = read()
        except Fault as raised:
            fault = raised
        if fault is not None:
            assert fault.reason
            assert fault.remedy
            assert "\n" not in str(fault)
        else:
            assert isinstance(found, int) or (found.dtype == np.int16 and len(found) >= SHORTEST)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that fuzzed content is written to."""
    return tmp_path_factory.mktemp("fuzz") / "sound"


STARTS = [
    b"",
    b"RIFF\x24\x00\x00\x00WAVEfmt ",
    b"fLaC\x00\x00\x00\x22",
    b"OggS\x00\x02",
    b"NIST_1A\n   1024\n",
    b"ID3\x04",
]


@given(st.sampled_from(STARTS), st.binary(max_size=400))
@settings(deadline=None)
def test_any_bytes(scratch: Path, start: bytes, rest: bytes) -> None:
    scratch.write_bytes(start + rest)
    sound_or_fault(scratch)


@given(
    st.sampled_from(FORMS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
)
@settings(deadline=None)
def test_any_header(scratch: Path, form: tuple[str, str, int | None], changes: list[tuple[int, int]]) -> None:
    content = bytearray(written(form[0], form[1], tone(9600)))
    for place, value in changes:
        content[min(place, len(content) - 1)] = value
    scratch.write_bytes(content)
    sound_or_fault(scratch)


NUMBERS = st.sampled_from([0, 1, 2, 3, 8, 16, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1]) | st.integers(
    0, 2**32 - 1
)


@given(
    st.sampled_from([0, 1, 2, 3, 6, 7, 17, 0x55, 0xFFFE]),
    NUMBERS,
    NUMBERS,
    st.integers(0, 65_535),
    st.sampled_from([0, 1, 8, 16, 24, 32, 64, 65_535]),
    NUMBERS,
    st.integers(0, 4000),
)
@settings(deadline=None)
def test_any_wav_structure(
    scratch: Path, kind: int, channels: int, rate: int, align: int, bits: int, length: int, there: int
) -> None:
    form = struct.pack("<HHIIHH", kind, channels % 65_536, rate, rate, align, bits)
    payload = noise(4000).tobytes()[: 2 * there]
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", length) + payload
    scratch.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    sound_or_fault(scratch)


@given(
    st.dictionaries(
        st.sampled_from(["sample_count", "sample_rate", "channel_count", "sample_n_bytes", "sample_coding"]),
        st.one_of(
            st.just(""),
            st.integers(-2, 2**40).map("-i {}".format),
            st.floats().map("-r {}".format),
            st.sampled_from(["pcm", "ulaw", "alaw", "pcm,embedded-shorten"]).map("-s9 {}".format),
            st.text(max_size=12),
        ),
    ),
    st.integers(0, 32_000),
)
@settings(deadline=None)
def test_any_sphere_structure(scratch: Path, fields: dict[str, str], length: int) -> None:
    scratch.write_bytes(sphere_of(SOUND[:length], **fields))
    sound_or_fault(scratch)
