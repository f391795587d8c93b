"""Every form of sound file: its samples, its rate, a channel or a segment of it."""

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora import audio
from speech_factorization.corpora.audio import read_audio, source_rate
from speech_factorization.corpora.base import Utterance
from speech_factorization.corpora.faults import Fault
from tests.corpora.sound_forms import FORMS, NAMES, tone, written
from tests.corpora.trees import noise


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


def test_a_name_that_says_nothing(tmp_path: Path) -> None:
    wave = noise(16_000)
    for name in ("a.raw", "a", "a.mp3", "\u00e4 b.\u00f6"):
        (tmp_path / name).write_bytes(written("WAV", "PCM_16", wave))
        if name == "a.raw":
            with pytest.raises(Fault, match="the audio file is unreadable"):
                read_audio(tmp_path / name)
        else:
            np.testing.assert_array_equal(read_audio(tmp_path / name), wave)


@pytest.mark.parametrize(
    ("form", "coding"),
    [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")],
)
def test_where_blocks_end_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, coding: str
) -> None:
    path, rate = tmp_path / "sound", 48_000 if coding == "OPUS" else 44_100
    path.write_bytes(written(form, coding, noise(50_000), rate))
    whole, part = read_audio(path), read_audio(path, begin=0.1, end=1.0)
    monkeypatch.setattr("speech_factorization.corpora.sound_files.BLOCK", 777)
    np.testing.assert_array_equal(read_audio(path), whole)
    np.testing.assert_array_equal(read_audio(path, begin=0.1, end=1.0), part)


@pytest.mark.parametrize("suffix", [".wav", ".sph"])
def test_a_long_recording_is_never_whole_in_memory_at_its_own_rate(tmp_path: Path, suffix: str) -> None:
    rate, seconds = 48_000, 180
    path = tmp_path / f"a{suffix}"
    wave = np.tile(noise(rate), seconds)
    soundfile.write(path, wave, rate, format="NIST" if suffix == ".sph" else "WAV")
    del wave
    tracemalloc.start()
    read = read_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(read) == seconds * 16_000
    # The result, its parts, and what a block becomes on its way; as float64 it would be twelve times the result.
    assert peak < 2 * read.nbytes + 12_000_000 < seconds * rate * 8 / 2


def test_a_faulty_reader_is_not_taken_for_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what reading the file raises is a fault of the file."""

    def broken(*arguments: object) -> None:
        raise ValueError("a bug")

    path = tmp_path / "a.wav"
    soundfile.write(path, noise(16_000), 16_000)
    monkeypatch.setattr(audio, "_column", broken)
    with pytest.raises(ValueError, match="a bug"):
        read_audio(path)
