"""Kaldi's alignments by frame with faults: each loses the labels of its utterance, and says where."""

from pathlib import Path

import pytest

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.errors import InputError
from tests.corpora.kaldi_trees import FRAMES, names, read_all, write_alignments, write_kaldi

BAD_FRAMES = [
    ([1] * 40, "the alignment is not as long as the audio", "40 frames of 0.01 s, 0.500 s of audio"),
    ([1] * 60, "the alignment is not as long as the audio", "60 frames of 0.01 s"),
    ([], "the alignment is not as long as the audio", "0 frames"),
    ([1] * 49 + [700], "a frame's number is no phone", "700 in frame 49"),
    ([0] * 50, "a frame's number is no phone", "0 in frame 0"),
    ([-1] * 50, "a frame's number is no phone", "-1 in frame 0"),
]


@pytest.mark.parametrize("file", ["ali.ark", "ali.scp", "ali.txt"])
@pytest.mark.parametrize(("frames", "reason", "place"), BAD_FRAMES)
def test_bad_alignments(tmp_path: Path, file: str, frames: list[int], reason: str, place: str) -> None:
    data = write_kaldi(tmp_path)
    write_alignments(data, dict.fromkeys(names(), FRAMES) | {"anna-2": frames})
    items = read_all(data, ali=file)
    (found,) = (item for item in items if isinstance(item, Refusal))
    assert (found.utterance, found.of, found.reason) == ("anna-2", "labels", reason)
    assert place in found.place
    assert sum(isinstance(item, Utterance) and bool(item.labels) for item in items) == 11


def test_an_utterance_aligned_twice(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    write_alignments(data, dict.fromkeys(names(), FRAMES))
    with (data / "ali.txt").open("a") as file:
        file.write("anna-1 " + "1 " * 50 + "\nzoe-1 1\n")
    first, second, *items = read_all(data, ali="ali.txt")
    assert isinstance(first, Refusal)
    assert isinstance(second, Refusal)
    assert (first.file, first.reason) == ("ali.txt", "an utterance is aligned twice")
    assert (second.utterance, second.reason) == ("zoe-1", "times of no utterance")
    assert all(isinstance(item, Utterance) and len(item.labels) == 3 for item in items)


def test_a_damaged_archive_of_alignments_is_read_up_to_there(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    write_alignments(data, dict.fromkeys(names(), FRAMES))
    whole = (data / "ali.ark").read_bytes()
    (data / "ali.ark").write_bytes(whole[:-3])
    items = read_all(data, ali="ali.ark")
    found = [item for item in items if isinstance(item, Refusal)]
    assert [(item.utterance, item.reason) for item in found] == [
        ("ali.ark", "the archive is cut short"),
        ("cora-4", "the utterance has no times"),
    ]
    assert sum(isinstance(item, Utterance) for item in items) == 12


def test_a_compressed_archive_says_how_to_expand_it(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path, {"phones.txt": "SIL 1\n"})
    (data / "ali.1.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(InputError, match=r"gunzip -k ali\.1\.gz"):
        read_all(data, ali="ali.*.gz")
