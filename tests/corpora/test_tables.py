"""The tables hold what a reader gave, one utterance at a time, whole or not at all."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import kaldiio
import numpy as np
import pandas as pd
import pytest

from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.tables import Corpus, read_table, write_corpus
from speech_factorization.errors import InputError

REFUSAL = Refusal("u3", "utterance", "wav/u3.wav", "2 channels", "the audio is not mono", "keep one channel")


def utterance(name: str = "u1", speaker: str = "03", samples: int = 16_000, **other: object) -> Utterance:
    fields = {
        "utterance": name,
        "speaker": speaker,
        "sex": "F",
        "split": "train",
        "speaker_split": "test",
        "wave": np.random.default_rng(len(name)).integers(-32768, 32767, samples, dtype=np.int16),
        "text": 'Say "NA", please',
        "labels": (Label("h#", 0, 100), Label("9", 100, None), Label("NA", None, None)),
        "words": (Word("null", 0, 100),),
        "factors": {"emotion": "neutral"},
    }
    return Utterance(**(fields | other))  # type: ignore[arg-type]


def test_tables_come_back_as_they_were_written(tmp_path: Path) -> None:
    items = [utterance(), utterance("u2", labels=(), words=(), rate=8000), REFUSAL]
    write_corpus(items, tmp_path / "corpus")
    corpus = Corpus(tmp_path / "corpus")
    assert corpus.utterances.to_dict("list") == {
        "utterance": ["u1", "u2"],
        "speaker": ["03", "03"],
        "sex": ["F", "F"],
        "split": ["train", "train"],
        "speaker_split": ["test", "test"],
        "samples": [16_000, 16_000],
        "rate": [16_000, 8000],
        "text": ['Say "NA", please'] * 2,
        "emotion": ["neutral", "neutral"],
    }
    assert corpus.narrow_band == 0.5
    assert corpus.labels["symbol"].tolist() == ["h#", "9", "NA"]
    assert corpus.labels["begin"].tolist() == [0, 100, pd.NA]
    assert corpus.labels["end"].tolist() == [100, pd.NA, pd.NA]
    assert corpus.labels["position"].tolist() == [0, 1, 2]
    assert corpus.words["word"].tolist() == ["null"]
    refused = read_table(tmp_path / "corpus" / "refused.csv")
    assert refused.iloc[0].to_dict() == {
        "utterance": "u3",
        "of": "utterance",
        "file": "wav/u3.wav",
        "place": "2 channels",
        "reason": "the audio is not mono",
        "remedy": "keep one channel",
    }


def test_waves_come_back_as_they_were_written(tmp_path: Path) -> None:
    items = [utterance("u1"), utterance("u22", samples=5000)]
    write_corpus(items, tmp_path / "corpus")
    corpus = Corpus(tmp_path / "corpus")
    for item in items:
        wave = corpus.wave(item.utterance)
        assert wave.dtype == np.float32
        np.testing.assert_array_equal(wave * 32768, item.wave)
    with pytest.raises(KeyError):
        corpus.wave("u3")


def test_the_archive_is_kaldis_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_corpus([utterance("u1"), utterance("u22")], tmp_path / "corpus")
    monkeypatch.chdir(tmp_path / "corpus")
    for name, (rate, wave) in kaldiio.load_scp("audio.scp").items():
        assert rate == 16_000
        np.testing.assert_array_equal(wave, utterance(name).wave)


def test_summary(tmp_path: Path) -> None:
    late = Refusal("u1", "labels", "u1.lab", "line 3", "labels end after the audio", "cut")
    empty = Refusal("u2", "labels", "u2.lab", "", "the label file is empty", "label it")
    second = utterance("u2", speaker="04", sex="M", split="valid", speaker_split="train", labels=(), words=())
    # A refusal may come before or after the utterance it concerns.
    summary = write_corpus([late, utterance(samples=57_600), second, empty, REFUSAL], tmp_path / "corpus")
    assert summary == {
        "utterances": 2,
        "hours": 0.0013,
        "hours_by_rate": {"16000": 0.0013},
        "labelled": 1,
        "labels": 3,
        "words": 1,
        "speakers": {"F": 1, "M": 1, "unknown": 0},
        "split": {
            "train": {"utterances": 1, "hours": 0.001},
            "valid": {"utterances": 1, "hours": 0.0003},
        },
        "speaker_split": {
            "test": {"utterances": 1, "hours": 0.001, "speakers": 1},
            "train": {"utterances": 1, "hours": 0.0003, "speakers": 1},
        },
        "refused": {
            "utterances": {"the audio is not mono": 1},
            "labels": {"the label file is empty": 1},
            "some_labels": {"labels end after the audio": 1},
        },
    }
    assert Corpus(tmp_path / "corpus").summary == summary


def test_one_utterance_is_in_memory_at_a_time(tmp_path: Path) -> None:
    waves: list[weakref.ref[np.ndarray]] = []

    def stream() -> Iterator[Utterance]:
        for number in range(6):
            assert sum(wave() is not None for wave in waves) <= 1
            item = utterance(f"u{number}")
            waves.append(weakref.ref(item.wave))
            yield item

    write_corpus(stream(), tmp_path / "corpus")
    assert len(waves) == 6


def test_a_reader_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def broken() -> Iterator[Utterance]:
        yield utterance("u9")
        raise InputError("the disk is gone")

    with pytest.raises(InputError):
        write_corpus(broken(), tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []
    write_corpus([utterance("u1")], tmp_path / "corpus")
    with pytest.raises(InputError):
        write_corpus(broken(), tmp_path / "corpus")
    assert Corpus(tmp_path / "corpus").utterances["utterance"].tolist() == ["u1"]
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "the corpus has no utterance"),
        (
            [REFUSAL],
            r"wav/u3.wav, 2 channels: no utterance .* \(1 refused\): the audio is not mono; keep one",
        ),
        ([utterance("u1"), utterance("u1")], "u1: two utterances have this name"),
        ([utterance("u1"), utterance("u2", factors={})], r"u2: the factors are \[\]"),
        (
            [utterance(factors={"rate": "8000", "phone": "a", "dialect": "1"})],
            "u1: no name for a factor: phone, rate",
        ),
    ],
)
def test_what_cannot_be_written_is_one_clear_line(tmp_path: Path, items: list[object], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        write_corpus(items, tmp_path / "corpus")  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_written_twice_the_bytes_are_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_corpus([utterance("u1"), REFUSAL, utterance("u2")], tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_a_folder_that_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no corpus has been written here; run the stage `corpus` first"):
        Corpus(tmp_path)
