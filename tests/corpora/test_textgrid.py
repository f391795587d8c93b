"""Trees of sounds and TextGrids as the Montreal Forced Aligner writes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speech_factorization.corpora import emodb
from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.praat import Point, Tier
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels
from tests.corpora.grids import grid, write_grid
from tests.corpora.textgrid_trees import (
    LABELS,
    PHONES,
    SHE,
    TALK,
    WORDS,
    items,
    parameters,
    sound,
    spoken,
    write_three,
)
from tests.corpora.trees import noise


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three speakers of one recording each."""
    return write_three(tmp_path / "corpus")


def test_the_aligners_tree_is_read(tree: Path) -> None:
    anna, bob, carl = spoken(tree)
    assert (anna.utterance, anna.speaker, anna.sex, anna.text) == ("anna_a_1", "anna", "", "she <unk>")
    np.testing.assert_array_equal(anna.wave, noise(16_000))
    assert anna.labels == LABELS
    assert anna.words == (Word("she", 1600, 8000), Word("<unk>", 8000, 12_800))
    assert [bob.speaker, carl.speaker] == ["bob", "carl"]
    assert {anna.speaker_split, bob.speaker_split, carl.speaker_split} == {"train", "valid", "test"}


def test_it_becomes_tables_and_folds(tree: Path, tmp_path: Path) -> None:
    write_corpus(items(tree), tmp_path / "out")
    folded = fold_labels(Corpus(tmp_path / "out").labels, load_fold("arpabet"))
    assert folded[folded["utterance"] == "anna_a_1"]["phone"].tolist() == ["sil", "sh", "iy", "sil"]


@pytest.mark.parametrize(("suffix", "rate"), [(".wav", 44_100), (".FLAC", 8000), (".ogg", 16_000)])
def test_times_are_at_16_khz_whatever_the_file(tmp_path: Path, suffix: str, rate: int) -> None:
    sound(tmp_path / f"anna/a{suffix}", rate=rate)
    write_grid(tmp_path / "anna/a.TextGrid", SHE, short=True, encoding="utf-16-be")
    (anna,) = spoken(tmp_path)
    assert anna.labels == LABELS
    assert (anna.rate, len(anna.wave)) == (rate, 16_000)


def test_grids_in_a_tree_of_their_own_in_either_case(tree: Path) -> None:
    before = spoken(tree)
    for path in sorted(tree.rglob("*.TextGrid")):
        place = tree.parent / "aligned" / path.relative_to(tree).with_suffix(".textgrid")
        place.parent.mkdir(parents=True)
        path.rename(place)
    assert [one.labels for one in spoken(tree, grids="../aligned")] == [one.labels for one in before]


def test_names_of_tiers_and_other_tiers(tmp_path: Path) -> None:
    sound(tmp_path / "anna/a.wav")
    point = Tier("events", 0.0, 1.0, 0, points=(Point(0.5, "click", 0),), of_points=True)
    maus = grid(1.0, **{"ORT-MAU": WORDS, "KAN-MAU": WORDS, "MAU": PHONES})
    write_grid(tmp_path / "anna/a.TextGrid", replace(maus, tiers=(point, *maus.tiers)))
    (anna,) = spoken(tmp_path, words="ort-mau", phones="mau")
    assert (anna.labels, anna.text) == (LABELS, "she <unk>")


def test_without_words_there_is_no_text(tmp_path: Path) -> None:
    sound(tmp_path / "anna/a.wav")
    write_grid(tmp_path / "anna/a.TextGrid", grid(1.0, phones=PHONES))
    (anna,) = spoken(tmp_path)
    assert (anna.labels, anna.text, anna.words) == (LABELS, "", ())


def test_the_speaker_by_expression_and_sexes_by_table(tmp_path: Path) -> None:
    for place in ("x/f01_a", "x/f01_b", "y/m02_a", "y/m03_a"):
        sound(tmp_path / f"{place}.wav")
        write_grid(tmp_path / f"{place}.TextGrid", SHE)
    (tmp_path / "about.csv").write_text("speaker,sex,age\nf01,F,30\nm02,male,\nm03,m,31\n")
    chosen = {"speaker": r"/(?P<speaker>[fm]\d\d)_", "sexes": "about.csv"}
    assert [(one.utterance, one.speaker, one.sex) for one in spoken(tmp_path, **chosen)] == [
        ("x_f01_a", "f01", "F"),
        ("x_f01_b", "f01", "F"),
        ("y_m02_a", "m02", "M"),
        ("y_m03_a", "m03", "M"),
    ]
    few = items(tmp_path, women=1, men=1, **chosen)
    assert sorted({one.sex for one in few if isinstance(one, Utterance)}) == ["F", "M"]
    assert len({one.speaker for one in few if isinstance(one, Utterance)}) == 2


def test_several_speakers_are_cut_in_pauses(tmp_path: Path) -> None:
    sound(tmp_path / "talks/t1.wav", 6.0)
    write_grid(tmp_path / "talks/t1.TextGrid", grid(6.0, **TALK))
    found = items(tmp_path, pause=1.0)
    anna, bob = (one for one in found if isinstance(one, Utterance))
    # Half a second of silence around, but nothing of the other: bob begins at 1.4 s, anna ended at 1.0 s.
    assert (anna.utterance, anna.speaker) == ("talks_t1_anna_00000000_00001400", "anna")
    assert (bob.utterance, bob.speaker) == ("talks_t1_bob_00001000_00002500", "bob")
    np.testing.assert_array_equal(bob.wave, noise(96_000)[16_000:40_000])
    assert anna.labels == (Label("HH", 0, 16_000), Label("sil", 16_000, 22_400))
    assert bob.labels == (Label("sil", 0, 6400), Label("AY1", 6400, 16_000), Label("sil", 16_000, 24_000))
    assert (bob.text, bob.words) == ("hi", (Word("hi", 6400, 16_000),))
    refused = [one for one in found if isinstance(one, Refusal)]
    assert [(one.utterance, one.of, one.reason, one.place) for one in refused] == [
        ("talks_t1_anna_00002500_00004700", "utterance", "two speak at once", "line 46: 2.500 s to 4.700 s"),
        ("talks_t1_bob_00003500_00005500", "utterance", "two speak at once", "line 98: 3.500 s to 5.500 s"),
    ]


def test_a_long_recording_of_one_speaker_is_cut_in_pauses(tmp_path: Path) -> None:
    labels = [
        (0.0, 0.4, ""),
        (0.4, 1.0, "A"),
        (1.0, 1.2, ""),
        (1.2, 2.0, "B"),
        (2.0, 3.5, ""),
        (3.5, 4.0, "C"),
    ]
    sound(tmp_path / "anna/a.wav", 4.0, 8000)
    write_grid(tmp_path / "anna/a.TextGrid", grid(4.0, words=labels, phones=labels))
    first, second = spoken(tmp_path, longest=3.0)
    assert (first.utterance, first.text) == ("anna_a_00000150_00002250", "A B")
    assert first.labels == (
        Label("sil", 0, 4000),
        Label("A", 4000, 13_600),
        Label("sil", 13_600, 16_800),
        Label("B", 16_800, 29_600),
        Label("sil", 29_600, 33_600),
    )
    assert len(first.wave) == 33_600
    assert (second.utterance, second.labels[-1]) == ("anna_a_00003250_00004000", Label("C", 4000, 12_000))
    (whole,) = spoken(tmp_path)
    assert whole.utterance == "anna_a"


def test_a_sound_without_a_grid_is_nobodys_where_grids_name_the_speakers(tmp_path: Path) -> None:
    sound(tmp_path / "talks/t1.wav", 6.0)
    write_grid(tmp_path / "talks/t1.TextGrid", grid(6.0, **TALK))
    sound(tmp_path / "talks/t2.wav", 6.0)
    first = items(tmp_path)[0]
    assert isinstance(first, Refusal)
    assert (first.utterance, first.of, first.reason) == ("talks_t2", "utterance", "the label file is missing")


def test_times_up_to_the_tolerance_are_cut_to_the_sound(tmp_path: Path) -> None:
    sound(tmp_path / "anna/a.wav", 0.95)
    write_grid(tmp_path / "anna/a.TextGrid", grid(1.0, phones=[(0.0, 0.5, "A"), (0.5, 1.0, "B")]))
    (anna,) = spoken(tmp_path)
    assert anna.labels[-1] == Label("B", 8000, 15_200)


def test_a_gap_or_a_crumb_of_silence_is_no_fault(tmp_path: Path) -> None:
    sound(tmp_path / "anna/a.wav")
    phones = [(0.1, 0.5, "A"), (0.5, 0.50001, ""), (0.50001, 0.7, "B")]
    write_grid(tmp_path / "anna/a.TextGrid", grid(1.0, phones=phones))
    (anna,) = spoken(tmp_path)
    assert anna.labels == (Label("A", 1600, 8000), Label("B", 8000, 11_200))


def test_emodb_as_textgrids_is_emodb(reference: Path, tmp_path: Path) -> None:
    """The real corpus of one speaker: the same sound, and the same labels to the sample."""
    source = tmp_path / "emodb"
    for folder, suffix in (("wav", "wav"), ("lablaut", "lablaut")):
        (source / folder).mkdir(parents=True)
        for path in sorted((reference / "emodb" / folder).glob(f"08*.{suffix}")):
            (source / folder / path.name).symlink_to(path)
    own = {one.utterance: one for one in emodb.read(source, parameters(), 0, 1) if isinstance(one, Utterance)}
    for name, one in own.items():
        place = tmp_path / "grids" / "f08" / f"{name}.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source / "wav" / f"{name}.wav")
        phones = [(label.begin / 16_000, label.end / 16_000, label.symbol) for label in one.labels]
        write_grid(place.with_suffix(".TextGrid"), grid(len(one.wave) / 16_000, phones=phones))
    found = [one for one in items(tmp_path / "grids") if isinstance(one, Utterance)]
    assert len(found) == len(own) > 50
    for one in found:
        true = own[one.utterance.removeprefix("f08_")]
        assert (one.speaker, one.labels) == (true.speaker, true.labels)
        np.testing.assert_array_equal(one.wave, true.wave)
