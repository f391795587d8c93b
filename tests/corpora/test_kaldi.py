"""A Kaldi data directory: recordings of every kind, speakers, splits, phone times from CTM and alignments."""

import os
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import pytest
import soundfile

from speech_factorization.corpora.base import Label, Refusal, Utterance
from speech_factorization.corpora.kaldi import Settings, read
from speech_factorization.corpora.kaldi_times import strip_position
from speech_factorization.corpora.tables import Corpus, write_corpus
from tests.corpora.kaldi_trees import (
    SAMPLES,
    SPEAKERS,
    lines,
    names,
    riff,
    wave,
    write_alignments,
    write_kaldi,
)

Make = Callable[..., Any]

PHONES = (Label("SIL", 0, 1600), Label("HH", 1600, 4000), Label("AY1", 4000, 8000))


def read_all(data: Path, corpus: Any, seed: int = 0, **settings: Any) -> list[Utterance | Refusal]:
    return list(read(data, corpus, seed, 1, Settings(**settings)))


def utterances(items: Iterable[Utterance | Refusal]) -> dict[str, Utterance]:
    return {item.utterance: item for item in items if isinstance(item, Utterance)}


def refusals(items: Iterable[Utterance | Refusal]) -> list[Refusal]:
    return [item for item in items if isinstance(item, Refusal)]


@pytest.fixture
def corpus(parameters: Make) -> Any:
    return parameters("kaldi", women=5, men=5)


def test_all_files(tmp_path: Path, corpus: Any) -> None:
    items = read_all(write_kaldi(tmp_path), corpus, ctm="phones.ctm")
    assert [item.utterance for item in items] == names()
    assert not refusals(items)
    first = items[0]
    assert isinstance(first, Utterance)
    assert (first.speaker, first.sex, first.text) == ("anna", "F", "HELLO NUMBER 1")
    assert first.labels == PHONES
    np.testing.assert_array_equal(first.wave, wave("anna-1"))
    assert {item.speaker: item.sex for item in utterances(items).values()} == {
        "anna": "F",
        "bert": "M",
        "cora": "F",
    }
    summary = write_corpus(items, tmp_path / "out")
    assert (summary["utterances"], summary["labelled"]) == (12, 12)


def test_without_any_optional_file(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path, {"spk2gender": None, "text": None, "phones.ctm": None})
    items = read_all(data, corpus)
    assert len(items) == 12
    assert not refusals(items)
    assert all(item.sex == item.text == "" and item.labels == () for item in utterances(items).values())
    for speaker in SPEAKERS:
        own = [item for item in utterances(items).values() if item.speaker == speaker]
        assert {item.split for item in own} == {"train", "valid", "test"}


def test_the_order_of_lines_does_not_matter(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path)
    before = read_all(data, corpus, ctm="phones.ctm")
    for file in ("wav.scp", "utt2spk", "spk2gender", "text", "phones.ctm"):
        shuffled = (data / file).read_text().splitlines()
        random.Random(0).shuffle(shuffled)
        # As an editor on Windows leaves it.
        mark = "" if file == "phones.ctm" else "\ufeff"
        (data / file).write_text(mark + "\r\n".join(shuffled) + "\n\n", encoding="utf-8")
    after = read_all(data, corpus, ctm="phones.ctm")
    np.testing.assert_equal([vars(item) for item in after], [vars(item) for item in before])


def test_a_text_is_on_one_side(tmp_path: Path, corpus: Any) -> None:
    items = utterances(read_all(write_kaldi(tmp_path), corpus)).values()
    for text in {item.text for item in items}:
        assert len({item.split for item in items if item.text == text}) == 1
    for speaker in SPEAKERS:
        assert len({item.speaker_split for item in items if item.speaker == speaker}) == 1
    assert {item.speaker_split for item in items} == {"train", "valid", "test"}


def test_files_of_splits_go_before_the_rules(tmp_path: Path, corpus: Any) -> None:
    split = {name: ("train", "valid", "test", "train")[int(name[-1]) - 1] for name in names()}
    over = dict(zip(SPEAKERS, ("test", "train", "valid"), strict=True))
    data = write_kaldi(tmp_path, {"utt2split": lines(split), "spk2split": lines(over)})
    for seed in (0, 1):
        items = utterances(read_all(data, corpus, seed=seed))
        assert {name: item.split for name, item in items.items()} == split
        assert {item.speaker: item.speaker_split for item in items.values()} == over


def test_at_most_so_many_speakers(tmp_path: Path, parameters: Make) -> None:
    data = write_kaldi(tmp_path, {"spk2split": lines(dict.fromkeys(SPEAKERS, "train"))})
    items = read_all(data, parameters("kaldi", women=1, men=0))
    assert len({item.speaker for item in utterances(items).values()}) == 1
    assert len(items) == 4


def test_factors(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path, {"utt2emotion": lines(dict.fromkeys(names(), "some joy"))})
    items = utterances(read_all(data, corpus, factors=["emotion"]))
    assert all(item.factors == {"emotion": "some joy"} for item in items.values())


def test_places_in_archives(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path)
    places = {}
    with (data / "wav.ark").open("wb") as file:
        for number, name in enumerate(names()):
            places[name] = f"wav.ark:{file.tell() + len(name) + 1}"
            form = {"write_function": "soundfile", "write_kwargs": {"format": "flac"}} if number % 2 else {}
            kaldiio.save_ark(file, {name: (16_000, wave(name))}, **form)
    (data / "wav.scp").write_text(lines(places))
    items = utterances(read_all(data, corpus))
    assert len(items) == 12
    for name, item in items.items():
        np.testing.assert_array_equal(item.wave, wave(name))


def test_paths_from_where_recipes_run_or_from_a_root(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path, {"wav.scp": lines({name: f"data/train/wav/{name}.wav" for name in names()})})
    assert len(utterances(read_all(data, corpus))) == 12
    elsewhere = {name: f"train/wav/{name}.wav" for name in names()}
    (data / "wav.scp").write_text(lines(elsewhere))
    assert len(utterances(read_all(data, corpus, root=str(data.parent)))) == 12
    (data / "wav.scp").write_text(lines({name: str(data / f"wav/{name}.wav") for name in names()}))
    assert len(utterances(read_all(data, corpus))) == 12


def test_segments(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path, {"wav.scp": "tape wav/tape.wav\n"})
    tape = np.concatenate([wave(name) for name in names()])
    soundfile.write(data / "wav/tape.wav", tape, 16_000)
    # The last ends with the recording.
    ends = {name: f"{0.5 * (i + 1):.2f}" for i, name in enumerate(names())} | {names()[-1]: "-1"}
    segments = {name: f"tape {0.5 * i:.2f} {ends[name]}" for i, name in enumerate(names())}
    (data / "segments").write_text(lines(segments))
    items = utterances(read_all(data, corpus, ctm="phones.ctm"))
    assert len(items) == 12
    for name, item in items.items():
        np.testing.assert_array_equal(item.wave, wave(name))
        assert item.labels == PHONES


def test_a_channel(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path)
    both = np.stack([wave("left"), wave("right")], axis=1)
    soundfile.write(data / "wav/anna-1.wav", both, 16_000)
    assert refusals(read_all(data, corpus))[0].reason == "the audio is not mono"
    items = read_all(data, corpus, channel=2)
    np.testing.assert_array_equal(utterances(items)["anna-1"].wave, wave("right"))


def test_commands_run_only_where_allowed(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(
        tmp_path, {"wav.scp": lines({name: f"touch ran; cat wav/{name}.wav |" for name in names()})}
    )
    items = read_all(data, corpus)
    assert not (data / "ran").exists()
    assert not utterances(items)
    assert {item.reason for item in refusals(items)} == {"the recording is the output of a command"}
    assert refusals(items)[0].place == "line 1: touch ran; cat wav/anna-1.wav |"
    items = read_all(data, corpus, pipes=True)
    assert (data / "ran").exists()
    for name, item in utterances(items).items():
        np.testing.assert_array_equal(item.wave, wave(name))
    assert len(utterances(items)) == 12


@pytest.mark.parametrize("size", [0x7FFFF024, 0xFFFFFFFF])
def test_a_wav_that_a_pipe_could_not_size(tmp_path: Path, corpus: Any, size: int) -> None:
    streamed = bytearray(riff(wave("anna-1")))
    assert streamed[36:40] == b"data"
    streamed[4:8] = streamed[40:44] = size.to_bytes(4, "little")
    data = write_kaldi(tmp_path)
    (data / "streamed").write_bytes(streamed)
    (data / "wav.scp").write_text((data / "wav.scp").read_text().replace("wav/anna-1.wav", "cat streamed |"))
    items = read_all(data, corpus, pipes=True)
    np.testing.assert_array_equal(utterances(items)["anna-1"].wave, wave("anna-1"))


BAD_COMMANDS = [
    ("false", "line 1, exit status 1: it said nothing"),
    ("echo no such tape >&2; exit 3", "line 1, exit status 3: no such tape"),
    ("no-such-program a.sph", "line 1, exit status 127"),
    ("kill -9 $$", "line 1, ended by signal 9"),
    ("sleep 60", "line 1, stopped after 0.3 s"),
    ("sleep 60 & sleep 60", "line 1, stopped after 0.3 s"),
    ("cat", ""),
    ("echo no sound", ""),
]


@pytest.mark.parametrize(("command", "place"), BAD_COMMANDS)
def test_bad_commands(tmp_path: Path, corpus: Any, command: str, place: str) -> None:
    data = write_kaldi(tmp_path)
    rest = (data / "wav.scp").read_text().splitlines()[1:]
    (data / "wav.scp").write_text("\n".join([f"anna-1 {command} |", *rest]))
    begin = time.monotonic()
    items = read_all(data, corpus, pipes=True, seconds=0.3)
    assert time.monotonic() - begin < 10
    (refusal,) = refusals(items)
    assert len(utterances(items)) == 11
    assert (refusal.utterance, refusal.of, refusal.file) == ("anna-1", "utterance", "wav.scp")
    assert refusal.reason == "the command failed" if place else refusal.reason.startswith("the audio")
    assert refusal.place.startswith(place)


def test_what_a_command_started_ends_with_it(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path)
    rest = (data / "wav.scp").read_text().splitlines()[1:]
    command = "sleep 60 & echo $! > started; cat wav/anna-1.wav"
    (data / "wav.scp").write_text("\n".join([f"anna-1 {command} |", *rest]))
    assert len(utterances(read_all(data, corpus, pipes=True))) == 12
    number = int((data / "started").read_text())
    for _ in range(50):
        state = Path(f"/proc/{number}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    os.kill(number, 9)
    pytest.fail("it still runs")


FRAMES = [1] * 10 + [2] * 15 + [3] * 25


@pytest.mark.parametrize("file", ["ali.ark", "ali.scp", "ali.txt", "ali.*k"])
def test_alignments(tmp_path: Path, corpus: Any, file: str) -> None:
    data = write_kaldi(tmp_path)
    write_alignments(data, dict.fromkeys(names(), FRAMES))
    items = utterances(read_all(data, corpus, ali=file))
    assert all(item.labels == PHONES for item in items.values())
    assert len(items) == 12
    raw = utterances(read_all(data, corpus, ali=file, positions=False))
    assert [label.symbol for label in raw["anna-1"].labels] == ["SIL", "HH_B", "AY1_E"]


def test_frames_lie_inside_or_reach_past_the_audio(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path)
    frames = {"anna-1": FRAMES[:-2], "anna-2": [*FRAMES, 3]}
    write_alignments(data, dict.fromkeys(names(), FRAMES) | frames)
    items = utterances(read_all(data, corpus, ali="ali.ark"))
    assert items["anna-1"].labels == (*PHONES[:2], Label("AY1", 4000, 7680))
    assert items["anna-2"].labels == PHONES


def test_other_shifts(tmp_path: Path, corpus: Any) -> None:
    data = write_kaldi(tmp_path)
    write_alignments(data, dict.fromkeys(names(), [1] * 4 + [2] * 4 + [3] * 8))
    items = utterances(read_all(data, corpus, ali="ali.ark", frame_shift=0.03))
    assert [(label.begin, label.end) for label in items["anna-1"].labels] == [
        (0, 1920),
        (1920, 3840),
        (3840, 7680),
    ]


def test_times_to_two_digits_meet(tmp_path: Path, corpus: Any) -> None:
    ctm = "anna-1 1 0.00 0.12 SIL\nanna-1 1 0.13 0.12 HH 0.98\nanna-1 1 0.24 0.27 AY1\n;; a comment\n"
    data = write_kaldi(tmp_path, {"phones.ctm": ctm})
    items = utterances(read_all(data, corpus, ctm="phones.ctm"))
    assert [(label.begin, label.end) for label in items["anna-1"].labels] == [
        (0, 2080),
        (2080, 3840),
        (3840, 8000),
    ]


def test_times_to_the_sample_stay(tmp_path: Path, corpus: Any) -> None:
    # A gap of one sample is one.
    ctm = "anna-1 1 0.0000000 0.1000000 SIL\nanna-1 1 0.1000625 0.1000000 HH\n"
    items = utterances(read_all(write_kaldi(tmp_path, {"phones.ctm": ctm}), corpus, ctm="phones.ctm"))
    assert [(label.begin, label.end) for label in items["anna-1"].labels] == [(0, 1600), (1601, 3201)]


def test_words(tmp_path: Path, corpus: Any) -> None:
    # Words may share a phone.
    ctm = "anna-1 1 0.10 0.20 HELLO\nanna-1 1 0.25 0.25 ONE\n"
    items = utterances(read_all(write_kaldi(tmp_path, {"words.ctm": ctm}), corpus, words="words.ctm"))
    assert [(word.word, word.begin, word.end) for word in items["anna-1"].words] == [
        ("HELLO", 1600, 4800),
        ("ONE", 4000, SAMPLES),
    ]


@pytest.mark.parametrize(
    ("symbol", "stripped"),
    [("AH0_B", "AH0"), ("SIL_S", "SIL"), ("SIL", "SIL"), ("_B", "_B"), ("a_b", "a_b"), ("a_E_I", "a_E")],
)
def test_position_suffixes(symbol: str, stripped: str) -> None:
    assert strip_position(symbol) == stripped


def test_tables_read_back(tmp_path: Path, corpus: Any) -> None:
    items = read_all(write_kaldi(tmp_path), corpus, ctm="phones.ctm")
    write_corpus(items, tmp_path / "out")
    back = Corpus(tmp_path / "out")
    assert list(back.utterances["utterance"]) == names()
    assert len(back.labels) == 36
