"""What is written as a Kaldi data directory is read back the same, by our reader and by kaldiio."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_factorization.corpora import emodb as emodb_reader
from speech_factorization.corpora import kaldi as kaldi_reader
from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.kaldi_export import write_directory
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.errors import InputError
from speech_factorization.features.segments import cut_segments
from speech_factorization.parameters import CorpusParameters
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels
from tests.corpora.trees import noise

Make = Callable[..., Any]

NO_ALIGNMENT = pd.DataFrame(columns=["utterance", "position", "unit", "phone", "begin", "end"])


def export(
    items: Sequence[Utterance | Refusal], folder: Path, alignment: pd.DataFrame = NO_ALIGNMENT, **chosen: Any
) -> Path:
    """The data directory of a corpus."""
    write_corpus(items, folder / "corpus")
    (folder / "kaldi").mkdir()
    write_directory(Corpus(folder / "corpus"), alignment, folder / "kaldi", **chosen)
    return folder / "kaldi"


def read_back(data: Path, **chosen: Any) -> list[Utterance | Refusal]:
    """All of a data directory."""
    return list(kaldi_reader.read(data, corpus_of("kaldi"), 7, 1, kaldi_reader.Settings(**chosen)))


def corpus_of(name: str) -> CorpusParameters:
    """All of a corpus."""
    return CorpusParameters(
        name=name, source="", fold="emodb", women=99, men=99, vowels=[], factors=[], sentences=[]
    )


def same(found: Sequence[Utterance | Refusal], wanted: Sequence[Utterance | Refusal]) -> None:
    """Every field of every utterance, by name."""
    before = {item.utterance: vars(item) for item in wanted if isinstance(item, Utterance)}
    after = {item.utterance: vars(item) for item in found if isinstance(item, Utterance)}
    assert list(after) == sorted(before)
    for name, item in after.items():
        assert item["wave"].dtype == np.int16
        np.testing.assert_equal(item, before[name])


def segments(items: Sequence[Utterance | Refusal], folder: Path, fold: str) -> pd.DataFrame:
    """The segments of a corpus's own labels."""
    write_corpus(items, folder)
    corpus = Corpus(folder)
    return cut_segments(fold_labels(corpus.labels, load_fold(fold)), corpus.utterances, "sil")


@pytest.fixture(scope="session")
def real(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Utterance | Refusal]:
    """Some real utterances of EmoDB: four speakers, three texts."""
    source = tmp_path_factory.mktemp("emodb")
    for folder in ("wav", "lablaut"):
        (source / folder).mkdir()
        for path in sorted((reference / "emodb" / folder).iterdir()):
            if path.name[:2] in ("03", "08", "09", "10") and path.name[2:5] in ("a01", "b02", "a05"):
                (source / folder / path.name).symlink_to(path)
    return list(emodb_reader.read(source, corpus_of("emodb"), 0, 1))


@pytest.mark.parametrize("wav_files", [False, True])
def test_emodb_comes_back_the_same(tmp_path: Path, real: list[Utterance | Refusal], wav_files: bool) -> None:
    assert sum(isinstance(item, Utterance) for item in real) > 20
    data = export(real, tmp_path, wav_files=wav_files)
    back = read_back(data, ctm="labels.ctm", factors=["emotion"])
    same(back, real)
    pd.testing.assert_frame_equal(
        segments(back, tmp_path / "back", "emodb"), segments(real, tmp_path / "own", "emodb")
    )


def test_all_fields_come_back(tmp_path: Path) -> None:
    """No reference needed: words that share samples, an utterance without labels, one without a text."""
    items = [
        Utterance(
            utterance=f"{speaker}_{number}",
            speaker=speaker,
            sex=sex,
            split=split,
            speaker_split="train",
            wave=noise(4000 + number, seed=number),
            text="Grüße an  alle." if number else "",
            labels=(Label("h#", 0, 801), Label("a_", 801, 2003 + number)) if number < 2 else (),
            words=(Word("grüße", 0, 1000), Word("an", 900, 2000)) if number < 2 else (),
            factors={"emotion": "some joy" if number else "", "accent": "north"},
        )
        for speaker, sex in (("zoe", "F"), ("adam", "M"), ("kim", ""))
        for number, split in enumerate(("train", "valid", "test"))
    ]
    data = export(items, tmp_path)
    back = read_back(data, ctm="labels.ctm", words="words.ctm", factors=["emotion", "accent"])
    one_space = [Utterance(**{**vars(item), "text": " ".join(item.text.split())}) for item in items]
    same(back, one_space)
    assert {item.reason for item in back if isinstance(item, Refusal)} == {"the utterance has no times"}
    assert (data / "spk2gender").read_text() == "adam m\nzoe f\n"
    assert (data / "spk2utt").read_text().splitlines()[0] == "adam adam_0 adam_1 adam_2"
    assert (data / "utt2dur").read_text().splitlines()[0] == "adam_0 0.2500000"
    assert (data / "labels.ctm").read_text().splitlines()[0] == "adam_0 1 0.0000000 0.0500625 h#"


def test_the_alignment_comes_back(tmp_path: Path, emodb: Make, parameters: Make) -> None:
    source = emodb({f"{speaker}a01Fa": "0.1 -1 a\n0.5 -1 .\n" for speaker in ("03", "08", "10")})
    items = list(emodb_reader.read(source, parameters("emodb", women=5, men=5), 0, 1))
    rows = [(0, "sil", "sil", 0, 1601), (1, "9", "Y", 1601, 8003), (2, "sil", "sil", 8003, 16_000)]
    # One utterance has a phone without times.
    alignment = pd.DataFrame(
        [(f"{speaker}a01Fa", *row) for speaker in ("10", "03") for row in reversed(rows)],
        columns=NO_ALIGNMENT.columns,
    ).astype({"begin": "Int64", "end": "Int64"})
    alignment.loc[0, "end"] = pd.NA
    data = export(items, tmp_path, alignment)
    for name, column in (("phones", 2), ("units", 1)):
        back = {
            item.utterance: item for item in read_back(data, ctm=f"{name}.ctm") if isinstance(item, Utterance)
        }
        assert back["03a01Fa"].labels == tuple(Label(str(row[column]), row[3], row[4]) for row in rows)
        assert back["10a01Fa"].labels == back["08a01Fa"].labels == ()


def test_other_tools_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emodb: Make, parameters: Make
) -> None:
    items = list(
        emodb_reader.read(
            emodb({f"{s}a01Fa": None for s in ("03", "08", "10")}), parameters("emodb", 5, 5), 0, 1
        )
    )
    data = export(items, tmp_path)
    assert not list(data.glob("*.ctm"))
    monkeypatch.chdir(data)
    found = kaldiio.load_scp("wav.scp")
    for item in items:
        if isinstance(item, Utterance):
            rate, wave = found[item.utterance]
            assert rate == 16_000
            np.testing.assert_array_equal(wave, item.wave)
    for name in ("wav.scp", "utt2spk", "spk2utt", "text", "utt2split", "utt2emotion"):
        lines = (data / name).read_bytes().splitlines()
        assert lines == sorted(lines)


def test_the_rate_of_the_recordings_stays(tmp_path: Path) -> None:
    rates = {"a": 8000, "b": 16_000, "c": 44_100}
    items = [
        Utterance(name, name, "F", "train", "train", noise(4000), rate=rate) for name, rate in rates.items()
    ]
    data = export(items, tmp_path)
    assert (data / "utt2rate").read_text() == "a 8000\nb 16000\nc 44100\n"
    assert {item.speaker: item.rate for item in read_back(data) if isinstance(item, Utterance)} == rates


def test_the_same_bytes_each_time(tmp_path: Path, real: list[Utterance | Refusal]) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export(real, tmp_path / name)
    for path in (tmp_path / "a" / "kaldi").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "kaldi" / path.name).read_bytes()


@pytest.mark.parametrize("speaker", ["anna smith", "", ";;anna"])
def test_a_name_that_kaldi_s_files_cannot_hold_is_an_error(tmp_path: Path, speaker: str) -> None:
    item = Utterance("a", speaker, "F", "train", "train", noise(4000))
    with pytest.raises(InputError, match="column speaker: no name for Kaldi"):
        export([item], tmp_path)


def test_a_name_no_file_can_have(tmp_path: Path) -> None:
    item = Utterance("a/b", "anna", "F", "train", "train", noise(4000))
    with pytest.raises(InputError, match="write an archive instead"):
        export([item], tmp_path, wav_files=True)


NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=6).filter(
    lambda text: len(text.split()) == 1 and text.isprintable() and not text.startswith(";;")
)
SYMBOLS = NAMES.filter(lambda text: not text.endswith(("_B", "_E", "_I", "_S")))
TIMES = st.lists(st.integers(0, 4000), min_size=2, max_size=6, unique=True).map(sorted)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), names=st.lists(NAMES, min_size=3, max_size=5, unique=True))
def test_any_names_texts_and_times(
    tmp_path_factory: pytest.TempPathFactory, data: Any, names: list[str]
) -> None:
    items = []
    for name in names:
        times = data.draw(TIMES)
        labels = tuple(Label(data.draw(SYMBOLS), *span) for span in zip(times[:-1], times[1:], strict=True))
        text = " ".join(
            data.draw(st.text(max_size=9)).replace("\0", "").encode("utf-8", "ignore").decode().split()
        )
        splits = [data.draw(st.sampled_from(["train", "valid", "test"])) for _ in range(2)]
        sex = data.draw(st.sampled_from(["F", "M", ""]))
        items.append(Utterance(name, name, sex, *splits, noise(4000), text, labels))
    folder = tmp_path_factory.mktemp("fuzz")
    same(read_back(export(items, folder), ctm="labels.ctm"), items)
