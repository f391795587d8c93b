"""NIST SPHERE files, as LDC's corpora have them: headers, byte orders, u-law and A-law."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora.audio import read_audio, source_rate
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.resample import sixteen_bit
from speech_factorization.corpora.sphere import _expanded
from tests.corpora.sound_forms import sphere_of
from tests.corpora.trees import noise, sphere


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
    expected = np.concatenate(list(sixteen_bit([_expanded("ulaw")[codes[:, 1]] / 32768.0], 8000)))
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
