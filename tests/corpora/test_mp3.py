"""MP3 files: as long as their frames, and in step from begin to end."""

import io
from pathlib import Path

import pytest
import soundfile

from speech_factorization.corpora.audio import read_audio
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.mp3 import _frame, check_mp3, find_frames
from tests.corpora.sound_forms import written
from tests.corpora.trees import noise


def mp3(mode: str, rate: int = 16_000) -> bytes:
    """160 000 samples, soft and then loud, so that a variable bit rate varies."""
    wave, file = noise(160_000), io.BytesIO()
    wave[:80_000] //= 50
    soundfile.write(
        file, wave, rate, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode=mode, compression_level=0.5
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
    frames = find_frames(path)
    assert frames is not None
    assert (frames.count, frames.size, frames.said, frames.left) == (280, 576, None, 0)
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
        assert find_frames(tmp_path / "a") is None


@pytest.mark.parametrize(("rate", "size"), [(16_000, 576), (24_000, 576), (44_100, 1152), (8_000, 576)])
def test_every_frame_that_is_lost_is_missed(tmp_path: Path, rate: int, size: int) -> None:
    path = tmp_path / "a.mp3"
    content = mp3("CONSTANT", rate)
    path.write_bytes(content)
    whole = find_frames(path)
    assert whole is not None
    assert (whole.size, whole.said, whole.end) == (size, whole.count, len(content))
    starts = frame_starts(content)
    middle = len(starts) // 2
    for lost in (2, 3, 10):
        path.write_bytes(content[: starts[middle]] + content[starts[middle + lost] :])
        with pytest.raises(Fault) as error:
            read_audio(path)
        assert error.value.reason == "the audio file is cut off"
        assert error.value.place == f"{whole.count - lost} of {whole.count} frames"


def test_a_file_that_does_not_count_its_frames_may_lack_four_of_its_own_length(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = mp3("CONSTANT")
    path.write_bytes(content)
    claimed = soundfile.info(path).frames
    starts = frame_starts(content)
    for lost, kept in ((2, True), (8, False)):
        path.write_bytes(content[starts[1] : -(len(content) - starts[-lost])])
        if kept:
            assert check_mp3(path, claimed) == 4 * 576
            continue
        with pytest.raises(Fault, match="the audio file is cut off"):
            check_mp3(path, claimed)


def test_a_hole_in_the_middle_is_no_end(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    content = bytearray(mp3("CONSTANT"))
    place = frame_starts(bytes(content))[100]
    for broken in (
        content[:place] + content[place + 50 :],
        content[: place + 1] + b"\0" + content[place + 2 :],
    ):
        path.write_bytes(broken)
        with pytest.raises(Fault, match=rf"no frame at byte {place}\b.*: the audio file is damaged; copy"):
            read_audio(path)


def frame_starts(content: bytes) -> list[int]:
    """Where frames of a constant bit rate begin that is no odd one: all look alike."""
    starts = [0]
    while (length := _frame(content[starts[-1] : starts[-1] + 4])[0]) and starts[-1] + length < len(content):
        starts.append(starts[-1] + length)
    return starts
