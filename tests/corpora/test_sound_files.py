"""Every form of sound file: its samples, its rate, a channel or a segment of it; cut off or broken it is a fault."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from speech_factorization.corpora import audio
from speech_factorization.corpora.audio import SHORTEST, read_audio, source_rate
from speech_factorization.corpora.base import Utterance
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.mp3 import count_samples
from speech_factorization.corpora.sphere import _expanded
from tests.corpora.trees import noise, sphere

# Form, coding, how far a sample of 16 bits may come back from itself (None: the coding is lossy).
FORMS: list[tuple[str, str, int | None]] = [
    ("WAV", "PCM_U8", 256),
    ("WAV", "PCM_16", 0),
    ("WAV", "PCM_24", 0),
    ("WAV", "PCM_32", 0),
    ("WAV", "FLOAT", 0),
    ("WAV", "DOUBLE", 0),
    ("WAV", "ULAW", 256),
    ("WAV", "ALAW", 256),
    ("WAVEX", "PCM_16", 0),
    ("WAVEX", "PCM_24", 0),
    ("WAVEX", "FLOAT", 0),
    ("FLAC", "PCM_16", 0),
    ("FLAC", "PCM_24", 0),
    ("OGG", "VORBIS", None),
    ("OGG", "OPUS", None),
    ("MP3", "MPEG_LAYER_III", None),
    ("NIST", "PCM_16", 0),
    ("NIST", "ULAW", 256),
    ("NIST", "ALAW", 256),
    ("AIFF", "PCM_16", 0),
    ("RF64", "PCM_16", 0),
]
NAMES = [f"{form}-{coding}" for form, coding, _ in FORMS]


def written(form: str, coding: str, wave: NDArray[np.int16], rate: int = 16_000) -> bytes:
    """A sound file as libsndfile writes it."""
    file = io.BytesIO()
    samples = wave / 32768 if coding in ("FLOAT", "DOUBLE") else wave
    soundfile.write(file, samples, rate, format=form, subtype=coding)
    return file.getvalue()


def tone(samples: int, rate: int = 16_000) -> NDArray[np.int16]:
    """A soft tone with a slow rise: no two places alike, kept well by lossy codings."""
    time = np.arange(samples) / rate
    wave = (0.1 + 0.2 * np.arange(samples) / samples) * np.sin(2 * np.pi * 440 * time)
    return np.round(32767 * wave).astype(np.int16)


@pytest.mark.parametrize(("form", "coding", "most"), FORMS, ids=NAMES)
def test_every_form_is_read(tmp_path: Path, form: str, coding: str, most: int | None) -> None:
    wave, path = tone(32_000), tmp_path / "sound"
    path.write_bytes(written(form, coding, wave))
    read = read_audio(path)
    assert read.dtype == np.int16
    assert len(read) == len(wave)
    assert source_rate(path) == 16_000
    distance = np.abs(read.astype(int) - wave)
    if most is None:
        assert np.sqrt(np.mean(distance[800:-800] ** 2.0)) < 0.02 * np.abs(wave).max()
    else:
        assert distance.max() <= most


@pytest.mark.parametrize(("form", "coding", "most"), FORMS, ids=NAMES)
def test_a_segment_is_a_part_of_the_whole(tmp_path: Path, form: str, coding: str, most: int | None) -> None:
    path = tmp_path / "sound"
    path.write_bytes(written(form, coding, tone(32_000)))
    whole = read_audio(path)
    np.testing.assert_array_equal(read_audio(path, begin=0.5, end=1.25), whole[8000:20_000])
    np.testing.assert_array_equal(read_audio(path, begin=1.5), whole[24_000:])
    np.testing.assert_array_equal(read_audio(path, end=0.3), whole[:4800])
    # Lists of segments are rounded: a little too long is no fault.
    np.testing.assert_array_equal(read_audio(path, begin=1.5, end=2.01), whole[24_000:])


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


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("form", ["WAV", "FLAC", "NIST"])
def test_rates(tmp_path: Path, rate: int, form: str) -> None:
    path = tmp_path / "sound"
    path.write_bytes(written(form, "PCM_16", tone(rate, rate), rate))
    assert len(read_audio(path)) == 16_000
    assert len(read_audio(path, begin=0.25, end=0.75)) in (8000, 8001)
    assert source_rate(path) == rate
    utterance = Utterance("u", "s", "F", "train", "train", noise(10), rate=source_rate(path))
    assert utterance.narrow == (rate < 16_000)


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "NIST"])
def test_channels_are_counted_from_one(tmp_path: Path, form: str) -> None:
    path = tmp_path / "sound"
    left, right = noise(16_000), tone(16_000)
    coding = "VORBIS" if form == "OGG" else "PCM_16"
    path.write_bytes(written(form, coding, np.stack([left, right], axis=1)))
    with pytest.raises(Fault, match=r"2 channels: the audio is not mono; choose a channel from 1 to 2"):
        read_audio(path)
    for channel, wave in ((1, left), (2, right)):
        read = read_audio(path, channel).astype(float)
        assert np.corrcoef(read, wave)[0, 1] > 0.9
        if form != "OGG":
            np.testing.assert_array_equal(read, wave)
    for channel in (0, 3, -1):
        with pytest.raises(
            Fault, match=f"channel {channel} of 2 channels: the audio has no such channel; choose"
        ):
            read_audio(path, channel)
    path.write_bytes(written(form, coding, left))
    np.testing.assert_array_equal(read_audio(path, 1), read_audio(path))
    with pytest.raises(Fault, match="channel 2 of 1 channel: "):
        read_audio(path, 2)


BAD_SEGMENTS = [
    ((0.5, 0.5), "the segment's times make no sense", "0.5 s to 0.5 s"),
    ((0.5, 0.4), "the segment's times make no sense", "0.5 s to 0.4 s"),
    ((-0.1, None), "the segment's times make no sense", "-0.1 s to the end"),
    ((float("nan"), 1.0), "the segment's times make no sense", "nan s to 1.0 s"),
    ((0.0, float("inf")), "the segment's times make no sense", "0.0 s to inf s"),
    ((0.5, 1.1), "the segment ends after the audio", "from 0.500 s to 1.100 s, the audio ends at 1.000 s"),
    ((1.0, None), "the segment ends after the audio", "from 1.000 s, the audio ends before it"),
    ((1e9, 2e9), "the segment ends after the audio", "the audio ends before it"),
    ((1e300, None), "the segment ends after the audio", "the audio ends before it"),
    ((0.5, 0.55), "the audio is too short", "0.050 s"),
    ((0.5, 0.5 + 1e-9), "the audio is too short", "0.000 s"),
]


@pytest.mark.parametrize(("times", "reason", "place"), BAD_SEGMENTS)
@pytest.mark.parametrize("form", ["WAV", "NIST", "MP3"])
def test_bad_segments(
    tmp_path: Path, form: str, times: tuple[float, float | None], reason: str, place: str
) -> None:
    path = tmp_path / "sound"
    coding = "MPEG_LAYER_III" if form == "MP3" else "PCM_16"
    path.write_bytes(written(form, coding, noise(16_000)))
    with pytest.raises(Fault) as error:
        read_audio(path, begin=times[0], end=times[1])
    assert (error.value.reason, place in error.value.place) == (reason, True), str(error.value)


@pytest.mark.parametrize("rate", [4_000, 7_999, 48_001, 96_000])
def test_rates_that_are_not_read(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(16_000), rate)
    said = f"{rate} Hz: the audio's rate is not within 8000 to 48000 Hz; resample it"
    for read in (read_audio, source_rate):
        with pytest.raises(Fault, match=said):
            read(path)


def test_floats_of_another_scale_are_not_clipped_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(16_000).astype(float), 16_000, subtype="FLOAT")
    with pytest.raises(
        Fault, match=r"peak 3e\+03: the audio's float samples are not within -1 and 1; divide"
    ):
        read_audio(path)


def test_a_constant_is_silence(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.full(16_000, -32768, np.int16), 16_000)
    with pytest.raises(Fault, match="the audio is silent"):
        read_audio(path)


def test_a_wav_whose_writer_did_not_know_its_length(tmp_path: Path) -> None:
    path, wave = tmp_path / "a.wav", noise(16_000)
    content = bytearray(written("WAV", "PCM_16", wave))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_audio(path), wave)


def test_a_wav_header_that_contradicts_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    content = bytearray(written("WAV", "PCM_16", noise(16_000)))
    content[34:36] = struct.pack("<H", 24)
    path.write_bytes(content)
    with pytest.raises(Fault, match="blocks of 2 bytes for 1 x 24 bits: the WAV header contradicts itself"):
        read_audio(path)


def test_a_wav_of_nothing_but_chunks_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\xff\xff\xff\x7fWAVE" + bytes(1 << 24))
    with pytest.raises(Fault, match="the audio file is unreadable"):
        read_audio(path)


def mp3(mode: str) -> bytes:
    """Ten seconds, soft and then loud, so that a variable bit rate varies."""
    wave, file = noise(160_000), io.BytesIO()
    wave[:80_000] //= 50
    soundfile.write(
        file, wave, 16_000, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode=mode, compression_level=0.5
    )
    return file.getvalue()


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_an_mp3_is_as_long_as_its_frames(tmp_path: Path, mode: str) -> None:
    path, content = tmp_path / "a.mp3", mp3(mode)
    tag = b"ID3\x03\0\0\0\0\x02\x0a" + b"Info Xing".ljust(266, b"\0")
    for whole in (content, tag + content, content + b"TAG".ljust(128)):
        path.write_bytes(whole)
        assert len(read_audio(path)) == 160_000
    # Without the first frame, which counts the others, libsndfile reads some seconds of the variable one.
    bare = content[content.find(content[:2], 10) :]
    path.write_bytes(bare)
    assert count_samples(path) == 280 * 576
    if mode == "CONSTANT":
        assert len(read_audio(path)) == 280 * 576
    else:
        with pytest.raises(
            Fault, match="by its first frames, 161280 in all: the MP3 does not say how long it"
        ):
            read_audio(path)


def test_no_mp3_has_no_frames(tmp_path: Path) -> None:
    for content in (b"", b"ID3", b"ID3\x03\0\0\x7f\x7f\x7f\x7f", written("WAV", "PCM_16", noise(2000))):
        (tmp_path / "a").write_bytes(content)
        assert count_samples(tmp_path / "a") is None


def test_a_name_that_says_nothing(tmp_path: Path) -> None:
    wave = noise(16_000)
    for name in ("a.raw", "a", "a.mp3", "\u00e4 b.\u00f6"):
        (tmp_path / name).write_bytes(written("WAV", "PCM_16", wave))
        if name == "a.raw":
            with pytest.raises(Fault, match="the audio file is unreadable"):
                read_audio(tmp_path / name)
        else:
            np.testing.assert_array_equal(read_audio(tmp_path / name), wave)


def test_a_long_recording_is_never_whole_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, wave = tmp_path / "a.flac", noise(50_000)
    path.write_bytes(written("FLAC", "PCM_16", wave))
    whole = read_audio(path)
    monkeypatch.setattr("speech_factorization.corpora.sound_files.BLOCK", 777)
    np.testing.assert_array_equal(read_audio(path), whole)
    np.testing.assert_array_equal(read_audio(path, begin=1.0, end=2.0), whole[16_000:32_000])


def sphere_of(payload: bytes, **fields: str) -> bytes:
    """A SPHERE file of these fields ("" leaves one out), 16 kHz mono 16-bit where not said otherwise."""
    there = {
        "sample_count": "-i 16000",
        "sample_rate": "-i 16000",
        "channel_count": "-i 1",
        "sample_n_bytes": "-i 2",
        "sample_byte_format": "-s2 01",
    } | fields
    lines = ["NIST_1A", "   1024", *(f"{name} {value}" for name, value in there.items() if value), "end_head"]
    return ("\n".join(lines) + "\n").encode().ljust(1024) + payload


def test_sphere_of_either_byte_order_and_without_a_count(tmp_path: Path) -> None:
    path, wave = tmp_path / "a.sph", noise(16_000)
    for payload, fields in (
        (wave.astype("<i2").tobytes(), {}),
        (wave.astype(">i2").tobytes(), {"sample_byte_format": "-s2 10"}),
        (wave.astype("<i2").tobytes(), {"sample_count": "", "sample_coding": "-s3 pcm"}),
        (wave.astype("<i2").tobytes(), {"sample_rate": "-r 16000.0", "utterance_id": "-s9 two words"}),
        (wave.astype("<i2").tobytes() + b"more", {}),
    ):
        path.write_bytes(sphere_of(payload, **fields))
        np.testing.assert_array_equal(read_audio(path), wave)


@pytest.mark.parametrize(("name", "coding"), [("ULAW", "ulaw"), ("ALAW", "alaw")])
def test_every_code_of_a_law_is_libsndfiles(name: str, coding: str) -> None:
    codes = bytes(range(256))
    file = io.BytesIO(codes)
    expected = soundfile.read(file, dtype="int16", samplerate=16_000, channels=1, format="RAW", subtype=name)[
        0
    ]
    np.testing.assert_array_equal(_expanded(coding), expected)


@pytest.mark.parametrize("said", ["-s4 ulaw", "-s6 mu-law"])
@pytest.mark.parametrize("order", ["-s1 1", "-s2 01", ""])
def test_telephone_speech_in_sphere(tmp_path: Path, said: str, order: str) -> None:
    # As Switchboard is: 8 kHz, u-law, two speakers.
    path = tmp_path / "sw02001.sph"
    codes = np.random.default_rng(0).integers(0, 256, (8000, 2), dtype=np.uint8)
    fields = {
        "sample_count": "-i 8000",
        "sample_rate": "-i 8000",
        "channel_count": "-i 2",
        "sample_n_bytes": "-i 1",
        "sample_byte_format": order,
        "sample_coding": said,
    }
    path.write_bytes(sphere_of(codes.tobytes(), **fields))
    assert source_rate(path) == 8000
    first, second = read_audio(path, 1), read_audio(path, 2)
    assert len(first) == len(second) == 16_000
    expected = audio._sixteen_bit(_expanded("ulaw")[codes[:, 1]] / 32768.0, 8000)
    np.testing.assert_array_equal(second, expected)
    assert (first != second).any()


SOUND = noise(16_000).tobytes()
BAD_SPHERE = [
    (sphere_of(SOUND[:-2]), "the audio file is cut off", "15999 of 16000 samples"),
    (sphere_of(SOUND, channel_count="-i 2"), "the audio file is cut off", "8000 of 16000 samples"),
    (sphere_of(SOUND, sample_rate=""), "the SPHERE header is malformed", "no sample_rate"),
    (sphere_of(SOUND, sample_rate="-i 0"), "the SPHERE header is malformed", "sample_rate is '0'"),
    (
        sphere_of(SOUND, sample_rate="-i sixteen"),
        "the SPHERE header is malformed",
        "sample_rate is 'sixteen'",
    ),
    (sphere_of(SOUND, channel_count="-i -1"), "the SPHERE header is malformed", "channel_count is '-1'"),
    (
        sphere_of(SOUND, sample_count="16000"),
        "the SPHERE header is malformed",
        "line 3: 'sample_count 16000'",
    ),
    (sphere_of(SOUND).replace(b"end_head", b"endless!"), "the SPHERE header is malformed", "no end_head"),
    (sphere_of(SOUND).replace(b"   1024", b"   xyzw"), "the SPHERE header is malformed", "header is 'xyzw'"),
    (b"NIST_1A\n", "the SPHERE header is malformed", "header is ''"),
    (
        sphere_of(SOUND, sample_n_bytes="-i 3"),
        "the SPHERE file is in a coding that is not read",
        "pcm of 3 bytes",
    ),
    (
        sphere_of(SOUND, sample_byte_format=""),
        "the SPHERE file is in a coding that is not read",
        "byte format ''",
    ),
    (
        sphere_of(SOUND, sample_coding="-s27 pcm,embedded-wavpack-v1.0.0"),
        "the SPHERE file is in a coding that is not read",
        "sample_coding pcm,embedded-wavpack-v1.0.0",
    ),
    (
        sphere_of(SOUND, sample_coding="-s27 ulaw,embedded-shorten-v2.00"),
        "the audio is compressed with shorten",
        "NIST SPHERE header, sample_coding ulaw,embedded-shorten-v2.00",
    ),
    (b"ajkg\x02" + SOUND, "the audio is compressed with shorten", "ajkg"),
]


@pytest.mark.parametrize(("content", "reason", "place"), BAD_SPHERE)
def test_bad_sphere(tmp_path: Path, content: bytes, reason: str, place: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(Fault) as error:
        read_audio(path)
    assert (error.value.reason, place in error.value.place) == (reason, True), str(error.value)


def test_trees_own_sphere_is_the_same(tmp_path: Path) -> None:
    path, wave = tmp_path / "a.wav", noise(16_000)
    path.write_bytes(sphere(wave))
    np.testing.assert_array_equal(read_audio(path), wave)


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


def test_a_faulty_reader_is_not_taken_for_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what reading the file raises is a fault of the file."""

    def broken(*arguments: object) -> None:
        raise ValueError("a bug")

    path = tmp_path / "a.wav"
    soundfile.write(path, noise(16_000), 16_000)
    monkeypatch.setattr(audio, "_column", broken)
    with pytest.raises(ValueError, match="a bug"):
        read_audio(path)
