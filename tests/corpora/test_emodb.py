"""EmoDB: names, splits, times at which a phone begins; and the whole real corpus where it is there."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.emodb import EMOTIONS, SEXES, TEXTS, read
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels

LINES = (
    "  0.100000   -1 _t\n"
    "  0.150000   -1 !t\t+asp\n"
    "  0.160000  125 tasp\n"
    "  0.200000   -1 a\t+lar\t2\n"
    "  0.250000   -1 \t-lar\n"
    "  0.260000   -1 (gef\n"
    "  0.270000   -1 hoe\n"
    "  0.300000   -1 t +sth\n"
    "  0.340000   -1 !\n"
    "  0.400000   -1 I [+eng   1\n"
    "  0.500000   -1 . -eng]\n\n"
)


def test_a_line_is_where_a_phone_begins(
    emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": LINES, "08a01Wb": LINES})
    first, second = list(read(source, parameters("emodb"), 0, 1))
    assert isinstance(first, Utterance)
    assert [(label.symbol, label.begin, label.end) for label in first.labels] == [
        ("sil", 0, 1600),
        ("_t", 1600, 2400),
        ("!t", 2400, 2560),
        ("tasp", 2560, 3200),
        ("a", 3200, 4800),
        ("t", 4800, 5440),
        ("!t", 5440, 6400),
        ("I", 6400, 8000),
        ("sil", 8000, 16_000),
    ]
    assert (first.utterance, first.speaker, first.sex, first.split) == ("03a01Fa", "m03", "M", "test")
    assert first.factors == {"emotion": "happiness"}
    assert first.text == "Der Lappen liegt auf dem Eisschrank."
    assert isinstance(second, Utterance)
    assert (second.speaker, second.sex, second.factors) == ("f08", "F", {"emotion": "anger"})


def test_a_silence_under_twenty_milliseconds_at_an_edge_has_no_label(
    emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": "0.0199 -1 a\n0.9801 -1 .\n", "08a01Fa": "0.0201 -1 a\n0.9799 -1 .\n"})
    first, second = list(read(source, parameters("emodb"), 0, 1))
    assert isinstance(first, Utterance)
    assert isinstance(second, Utterance)
    assert [label.symbol for label in first.labels] == ["a"]
    assert [label.symbol for label in second.labels] == ["sil", "a", "sil"]


def test_every_speaker_and_text_has_its_place() -> None:
    assert Counter(SEXES.values()) == {"F": 5, "M": 5}
    assert Counter(split for split, _ in TEXTS.values()) == {"train": 6, "valid": 2, "test": 2}
    assert sorted(EMOTIONS) == sorted("WLEAFTN")


@pytest.fixture(scope="module")
def whole(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The real corpus, written once."""
    from speech_factorization.parameters import CorpusParameters

    parameters = CorpusParameters(
        name="emodb", source="", fold="emodb", women=4, men=4, vowels=[], factors=[], sentences=[]
    )
    folder = tmp_path_factory.mktemp("emodb") / "corpus"
    write_corpus(read(reference / "emodb", parameters, 0, 1), folder)
    return Corpus(folder)


def test_the_real_corpus_is_read_whole(whole: Corpus) -> None:
    assert whole.summary["utterances"] == 431
    assert whole.summary["labelled"] == 429
    assert whole.summary["speakers"] == {"F": 4, "M": 4, "unknown": 0}
    assert whole.summary["refused"] == {
        "utterances": {},
        "labels": {"the label file is empty": 2},
        "some_labels": {"labels end after the audio": 305},
    }
    assert set(whole.utterances["samples"]) == {32_000}
    assert set(whole.utterances["speaker"]) == {"m03", "f08", "f09", "m10", "m11", "f13", "m15", "f16"}
    assert set(whole.utterances["emotion"]) == set(EMOTIONS.values())


def test_no_text_is_in_two_splits_and_every_speaker_in_each(whole: Corpus) -> None:
    table = whole.utterances.assign(text=whole.utterances["utterance"].str[2:5])
    assert (table.groupby("text")["split"].nunique() == 1).all()
    assert (table.groupby("speaker")["split"].nunique() == 3).all()
    held = table.drop_duplicates("speaker").groupby("speaker_split")["sex"].value_counts().to_dict()
    assert held == {(part, sex): n for part, n in (("train", 2), ("valid", 1), ("test", 1)) for sex in "FM"}


def test_the_real_labels_are_in_order_within_the_audio_and_fold(whole: Corpus) -> None:
    labels = whole.labels
    assert (labels["begin"] < labels["end"]).all()
    assert labels["end"].max() == 32_000
    same = labels["utterance"] == labels["utterance"].shift()
    assert (labels["begin"] == labels["end"].shift())[same].all()
    fold = load_fold("emodb")
    folded = fold_labels(labels, fold)
    assert set(folded["phone"]) == set(fold.classes)
    speakers = folded["utterance"].str[:2].groupby(folded["phone"]).nunique()
    texts = folded["utterance"].str[2:5].groupby(folded["phone"]).nunique()
    assert (speakers == 8).all()
    assert (texts >= 2).all()


def test_each_split_misses_the_phones_the_docstring_says(whole: Corpus) -> None:
    fold = load_fold("emodb")
    folded = fold_labels(whole.labels, fold).merge(whole.utterances[["utterance", "split"]])
    heard = {split: set(part["phone"]) for split, part in folded.groupby("split")}
    assert heard["train"] == set(fold.classes)
    assert set(fold.classes) - heard["valid"] == {"aI", "k"}
    assert set(fold.classes) - heard["test"] == {"Y"}


def test_the_real_times_fit_the_sound(whole: Corpus) -> None:
    """The share of energy above 3.5 kHz inside s is high, and falls if the labels are moved by 20 ms."""

    def share(shift: int) -> float:
        shares = []
        rows = fold_labels(whole.labels, load_fold("emodb"))
        for row in rows[(rows["phone"] == "s") & rows["utterance"].str.startswith("08")].itertuples():
            wave = whole.wave(str(row.utterance))[max(row.begin + shift, 0) : row.end + shift]
            power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 4096)) ** 2
            shares.append(power[896:].sum() / power.sum())
        return float(np.mean(shares))

    right = share(0)
    assert right > 0.8
    assert max(share(-320), share(320)) < right - 0.1


def test_a_corpus_without_a_label_folder_is_read_and_its_labels_refused(
    emodb: Callable[..., Path], parameters: Callable[..., object]
) -> None:
    source = emodb({"03a01Fa": None, "08a01Fa": None})
    (source / "lablaut").rmdir()
    items = list(read(source, parameters("emodb"), 0, 1))
    refusals = [item for item in items if isinstance(item, Refusal)]
    assert {refusal.reason for refusal in refusals} == {"the label file is missing"}
    assert len(items) == 4
