"""Kaldi data directories with faults: each is refused with its place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.errors import InputError
from tests.corpora.kaldi_trees import change, changed, lines, names, read_all, wave, write_kaldi

BAD_LINES = [
    ("wav.scp", "", "utterance", "a name is missing", "no line anna-1"),
    ("wav.scp", "anna-1", "utterance", "a line holds only a name", "line 12: anna-1"),
    ("wav.scp", "anna-1 wav/anna-9.wav", "utterance", "the audio file is missing", "wav.scp line 12"),
    ("wav.scp", "anna-1 wav", "utterance", "the audio file is missing", "wav.scp line 12"),
    ("wav.scp", "anna-1 " + "a" * 5000, "utterance", "the audio file is missing", "wav.scp line 12"),
    ("wav.scp", "anna-1 no.ark:12", "utterance", "the archive is missing", ""),
    ("wav.scp", "anna-1 wav:12", "utterance", "the archive is unreadable", "Is a directory"),
    ("wav.scp", "anna-1 utt2spk:12", "utterance", "no sound begins there in the archive", "byte 12"),
    (
        "wav.scp",
        f"anna-1 utt2spk:{'9' * 400}",
        "utterance",
        "no sound begins there in the archive",
        "byte 99",
    ),
    (
        "wav.scp",
        "anna-1 wav/anna-1.wav\nanna-1 wav/anna-2.wav",
        "utterance",
        "a name has two",
        "line 13: anna-1",
    ),
    ("wav.scp", "anna-1 text", "utterance", "the audio file is unreadable", ""),
    ("utt2spk", "", "utterance", "a name is missing", "no line anna-1"),
    (
        "utt2spk",
        "anna-1 anna smith",
        "utterance",
        "a speaker's name has white space",
        "line 12: anna-1 anna smith",
    ),
    (
        "utt2spk",
        "anna-1 anna\nanna-1 bert",
        "utterance",
        "a name has two different lines",
        "line 13: anna-1 bert",
    ),
    ("text", "", "labels", "a name is missing", "no line anna-1"),
    ("text", "anna-1 one\nanna-1 two", "labels", "a name has two different lines", "line 13: anna-1 two"),
    ("text", "anna-1 a\0b", "labels", "a line has control characters", "line 12: anna-1 a\\x00b"),
    ("phones.ctm", "", "labels", "the utterance has no times", "no line anna-1"),
    ("phones.ctm", "anna-1 1 0.0 0.1", "labels", "a label line is malformed", "line 34: 'anna-1 1 0.0 0.1'"),
    ("phones.ctm", "anna-1 1 0.0 nan AH", "labels", "a label line is malformed", "line 34: "),
    ("phones.ctm", "anna-1 1 -0.1 0.2 AH", "labels", "a label line is malformed", "line 34: "),
    ("phones.ctm", f"anna-1 1 {'9' * 400} 0.2 AH", "labels", "a label line is malformed", "line 34: "),
    ("phones.ctm", "anna-1 1 0.1 0.0 AH", "labels", "a label has no length", "line 34: AH lasts 0.0 s"),
    (
        "phones.ctm",
        "anna-1 1 0.0 0.2 AH\nanna-1 1 0.1 0.2 EH",
        "labels",
        "labels overlap",
        "line 35: EH begins at 0.1000 s, before 0.2000 s",
    ),
    (
        "phones.ctm",
        "anna-1 1 0.1 0.5 AH",
        "labels",
        "labels end after the audio",
        "line 34: AH ends at 0.600 s of 0.500 s",
    ),
    (
        "phones.ctm",
        "anna-1 1 0.500 0.005 AH",
        "labels",
        "labels end after the audio",
        "line 34: AH ends at 0.505 s of 0.500 s",
    ),
]


@pytest.mark.parametrize(("file", "line", "of", "reason", "place"), BAD_LINES)
def test_a_bad_line_loses_one_utterance_or_its_labels(
    tmp_path: Path, file: str, line: str, of: str, reason: str, place: str
) -> None:
    data = write_kaldi(tmp_path)
    change(data, file, line)
    items = read_all(data, ctm="phones.ctm")
    found = [item for item in items if isinstance(item, Refusal)]
    assert [(item.utterance, item.of) for item in found] == [("anna-1", of)]
    assert found[0].reason.startswith(reason)
    assert place in found[0].place
    assert found[0].remedy
    assert "\n" not in found[0].place
    summary = write_corpus(items, tmp_path / "out")
    assert summary["utterances"] == (11 if of == "utterance" else 12)


def test_a_line_that_is_not_utf8(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    (data / "text").write_bytes((data / "text").read_bytes().replace(b"anna-1 HELLO", b"anna-1 H\xc4LLO"))
    (found,) = (item for item in read_all(data) if isinstance(item, Refusal))
    assert (found.utterance, found.of, found.reason) == ("anna-1", "labels", "a line is not UTF-8")
    assert found.place == "line 1: anna-1 H\\xc4LLO NUMBER 1"


def test_a_ctm_line_that_is_not_utf8(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    (data / "words.ctm").write_bytes(b"anna-1 1 0.0 0.1 H\xc4LLO\n")
    items = read_all(data, words="words.ctm")
    found = {item.utterance: item for item in items if isinstance(item, Refusal)}
    assert (found["anna-1"].reason, found["anna-1"].file) == ("a line is not UTF-8", "words.ctm")
    assert {item.reason for name, item in found.items() if name != "anna-1"} == {"the utterance has no times"}


def test_a_sex_that_is_none_is_unknown_and_said(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    change(data, "spk2gender", "anna w", "anna")
    items = read_all(data)
    assert isinstance(items[0], Refusal)
    assert (items[0].utterance, items[0].reason, items[0].place) == (
        "anna",
        "a sex is neither f nor m",
        "line 3: anna w",
    )
    assert {item.sex for item in items if isinstance(item, Utterance) and item.speaker == "anna"} == {""}


def test_a_split_that_is_none(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path, {"utt2split": lines(dict.fromkeys(names(), "train") | {"anna-1": "dev"})})
    (found,) = (item for item in read_all(data) if isinstance(item, Refusal))
    assert (found.utterance, found.of, found.reason) == ("anna-1", "utterance", "no part of a split")


def test_a_rate_that_is_none(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path, {"utt2rate": lines(dict.fromkeys(names(), "8000") | {"anna-1": "8 kHz"})})
    items = read_all(data)
    (found,) = (item for item in items if isinstance(item, Refusal))
    assert (found.utterance, found.of, found.reason) == ("anna-1", "utterance", "no rate of a recording")
    assert {item.rate for item in items if isinstance(item, Utterance)} == {8000}


BAD_SEGMENTS = [
    ("anna-1 tape 0.0", "a segment is malformed", "line 12: anna-1 tape 0.0"),
    ("anna-1 tape 0.0 x", "a segment is malformed", ""),
    ("anna-1 tape -1 2.0", "a segment is malformed", ""),
    ("anna-1 tape 1.0 1.0", "a segment runs backwards", ""),
    ("anna-1 disc 0.0 0.5", "a segment of no recording", "line 12: anna-1 disc 0.0 0.5"),
    ("anna-1 tape 5.8 6.5", "the segment ends after the audio", ""),
    ("anna-1 tape 7.0 -1", "the segment ends after the audio", ""),
    ("anna-1 tape 0.0 0.05", "the audio is too short", ""),
]


@pytest.mark.parametrize(("line", "reason", "place"), BAD_SEGMENTS)
def test_bad_segments(tmp_path: Path, line: str, reason: str, place: str) -> None:
    data = write_kaldi(tmp_path, {"wav.scp": "tape wav/tape.wav\n"})
    soundfile.write(data / "wav/tape.wav", np.concatenate([wave(name) for name in names()]), 16_000)
    segments = {name: f"tape {0.5 * i} {0.5 * i + 0.5}" for i, name in enumerate(names())}
    (data / "segments").write_text(changed(lines(segments), "anna-1", line))
    items = read_all(data)
    (found,) = (item for item in items if isinstance(item, Refusal))
    assert (found.utterance, found.of, found.reason) == ("anna-1", "utterance", reason)
    assert place in found.place
    assert len(items) == 12


def test_a_command_that_fails_is_run_once_for_all_its_segments(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path, {"wav.scp": "tape echo >> runs; false |\n"})
    (data / "segments").write_text(lines({name: "tape 0.0 0.5" for name in names()}))
    items = read_all(data, pipes=True)
    assert [item.reason for item in items if isinstance(item, Refusal)] == ["the command failed"] * 12
    assert (data / "runs").read_text() == "\n"


def test_archives_that_are_cut_short(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    sound = (data / "wav/anna-1.wav").read_bytes()
    (data / "wav.ark").write_bytes(b"anna-1 " + sound[:-10])
    change(data, "wav.scp", "anna-1 wav.ark:7")
    (found,) = (item for item in read_all(data) if isinstance(item, Refusal))
    assert (found.file, found.reason) == ("wav.ark", "the archive is cut short")
    assert found.place == f"byte 7: {len(sound)} bytes of {len(sound) - 10} that are left"


def test_a_sound_in_an_archive_ends_where_it_says(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    first, second = (bytearray((data / f"wav/anna-{i}.wav").read_bytes()) for i in (1, 2))
    # Written to a pipe: the samples' own size says nothing.
    first[40:44] = (0x7FFFFFFF).to_bytes(4, "little")
    (data / "wav.ark").write_bytes(b"anna-1 " + first + b"anna-2 " + second)
    change(data, "wav.scp", "anna-1 wav.ark:7")
    found = {item.utterance: item for item in read_all(data)}
    assert isinstance(found["anna-1"], Utterance)
    np.testing.assert_array_equal(found["anna-1"].wave, wave("anna-1"))


def test_times_of_nobody_are_said_once(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    with (data / "phones.ctm").open("a") as file:
        file.write("zoe-1 1 0.0 0.1 AH\nzoe-2 1 0.0 0.1 AH\n")
    (found,) = (item for item in read_all(data, ctm="phones.ctm") if isinstance(item, Refusal))
    assert (found.utterance, found.reason, found.place) == (
        "zoe-1",
        "times of no utterance",
        "2 of them, zoe-1 first",
    )


ERRORS: list[tuple[dict[str, str | None], dict[str, Any], str]] = [
    ({"wav.scp": None}, {}, "no wav.scp here"),
    ({"wav.scp": "", "utt2spk": ""}, {}, "the corpus has no utterance"),
    ({"utt2spk": None}, {}, "no utt2spk here"),
    ({"utt2spk": ""}, {}, "nobody is left"),
    ({}, {"root": "/no/such/folder"}, "no such folder"),
    ({}, {"ctm": "no.ctm"}, "no such file"),
    ({}, {"ctm": "wav"}, "no such file"),
    ({}, {"words": "no.ctm"}, "no such file"),
    ({}, {"ali": "no.ark"}, "no such file"),
    ({}, {"ali": ""}, ""),
    ({"phones.txt": "SIL 1\nHH_B one\n"}, {"ali": "text"}, "no number of its own"),
    ({"phones.txt": "SIL 1\nHH_B 1\n"}, {"ali": "text"}, "no number of its own"),
    ({"phones.txt": None}, {"ali": "text"}, "copy phones.txt from data/lang"),
    ({}, {"ali": "text", "ctm": "phones.ctm"}, "two sources of phone times"),
    ({}, {"factors": ["emotion"]}, "no file utt2emotion"),
]


@pytest.mark.parametrize(("files", "chosen", "said"), ERRORS)
def test_what_makes_the_whole_unreadable_is_an_error(
    tmp_path: Path, files: dict[str, str | None], chosen: dict[str, Any], said: str
) -> None:
    data = write_kaldi(tmp_path, files)
    if not said:
        assert len(read_all(data, **chosen)) == 12
        return
    with pytest.raises(InputError) as error:
        read_all(data, **chosen)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_of_data_directories_names_one(tmp_path: Path) -> None:
    data = write_kaldi(tmp_path)
    with pytest.raises(InputError, match="name a data directory, such as .*data/train"):
        read_all(data.parent)
