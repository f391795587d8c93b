"""Any tree of sound files, with and without transcripts."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.corpora.trees import safe_names
from speech_factorization.errors import InputError
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels
from tests.corpora.folder_trees import items, refused, sound, spoken, write_nine
from tests.corpora.trees import noise, sphere

LEXICON = "SHE SH IY1\nHAD HH AE1 D\nDON'T D OW1 N T\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three speakers of three recordings each, no transcripts."""
    return write_nine(tmp_path / "corpus")


@pytest.fixture
def said(tree: Path) -> Path:
    """The same with transcripts beside the sounds and a lexicon."""
    for number, text in enumerate(("She had.", "\ufeffHad she,\n  she?", "She don\u2019t")):
        for speaker in ("anna", "bob", "carl"):
            (tree / speaker / f"{number}{('.txt', '.lab')[number % 2]}").write_text(text, encoding="utf-8")
    (tree / "lexicon.txt").write_text(LEXICON)
    return tree


def test_sounds_alone(tree: Path, tmp_path: Path) -> None:
    found = items(tree)
    first = found[0]
    assert isinstance(first, Utterance)
    assert (first.utterance, first.speaker, first.sex, first.text) == ("anna_0", "anna", "", "")
    assert (first.labels, first.words) == ((), ())
    np.testing.assert_array_equal(first.wave, noise(4800))
    summary = write_corpus(found, tmp_path / "out")
    assert (summary["utterances"], summary["labelled"]) == (9, 0)
    assert summary["refused"] == {"utterances": {}, "labels": {}, "some_labels": {}}
    table = Corpus(tmp_path / "out").utterances
    assert (table.groupby("speaker")["split"].nunique() == 3).all()
    assert (table.groupby("speaker")["speaker_split"].nunique() == 1).all()
    assert set(table["speaker_split"]) == {"train", "valid", "test"}


def test_transcripts_beside_the_sounds(said: Path, tmp_path: Path) -> None:
    found = items(said, lexicon="lexicon.txt")
    first, second, third, *_ = spoken(found)
    assert len(spoken(found)) == len(found)
    assert [one.text for one in (first, second, third)] == ["She had.", "Had she, she?", "She don\u2019t"]
    assert [word.word for word in second.words] == ["had", "she", "she"]
    assert [label.symbol for label in first.labels] == ["sil", "SH", "IY1", "sil", "HH", "AE1", "D", "sil"]
    assert [label.symbol for label in third.labels][4:] == ["D", "OW1", "N", "T", "sil"]
    assert {(label.begin, label.end) for label in first.labels} == {(None, None)}
    write_corpus(found, tmp_path / "out")
    folded = fold_labels(Corpus(tmp_path / "out").labels, load_fold("arpabet"))
    assert folded["phone"][:4].tolist() == ["sil", "sh", "iy", "sil"]
    # Everybody says the same three: no text is on two sides, and everybody has one on each.
    splits = {one.text: one.split for one in spoken(found)}
    assert set(splits.values()) == {"train", "valid", "test"}
    assert all(one.split == splits[one.text] for one in spoken(found))


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ("file", ("anna/0.wav", "bob/1")),
        ("file", ("./anna/0", "bob/1.wav")),
        ("utterance", ("anna_0", "bob_1")),
    ],
)
def test_transcripts_in_one_table(tree: Path, column: str, rows: tuple[str, str]) -> None:
    lines = [f'x,{rows[0]},"She, she!"', f"y,{rows[1]},had", "z,nobody/7,had"]
    (tree / "texts.csv").write_text(f"id,{column},text\r\n" + "\r\n".join(lines) + "\r\n")
    (tree / "lexicon.txt").write_text(LEXICON)
    found = items(tree, transcripts="texts.csv", lexicon="lexicon.txt")
    texts = {one.utterance: one.text for one in spoken(found) if one.text}
    assert texts == {"anna_0": "She, she!", "bob_1": "had"}
    assert refused(found)[0] == ("nobody_7", "utterance", "texts.csv", "a transcript has no sound")
    assert {one[3] for one in refused(found)[1:]} == {"the transcript is missing"}
    assert len(refused(found)) == 8


def test_names_of_files_alone_where_they_are_unique(tmp_path: Path) -> None:
    sound(tmp_path / "wavs/LJ001-0001.wav")
    sound(tmp_path / "wavs/LJ001-0002.wav")
    (tmp_path / "lexicon.txt").write_text(LEXICON)
    (tmp_path / "texts.csv").write_text("utterance,text\nLJ001-0001,she had\nLJ001-0002,she\n")
    found = spoken(items(tmp_path, transcripts="texts.csv", lexicon="lexicon.txt"))
    assert [(one.utterance, one.speaker, one.text) for one in found] == [
        ("wavs_LJ001-0001", "wavs", "she had"),
        ("wavs_LJ001-0002", "wavs", "she"),
    ]


def test_every_kind_of_sound_in_any_case(tmp_path: Path) -> None:
    for number, suffix in enumerate((".wav", ".FLAC", ".Ogg", ".mp3")):
        sound(tmp_path / f"anna/{number}{suffix}")
    (tmp_path / "anna/4.SPH").write_bytes(sphere(noise(4800)))
    (tmp_path / "anna/notes.pdf").write_bytes(b"%PDF")
    found = items(tmp_path)
    assert [one.utterance for one in spoken(found)] == [f"anna_{number}" for number in range(5)]
    assert refused(found) == []


def test_a_recording_s_own_rate_is_kept(tree: Path) -> None:
    soundfile.write(tree / "anna/0.wav", noise(4800), 8000)
    first, second, *_ = spoken(items(tree))
    assert (first.rate, len(first.wave), second.rate) == (8000, 9600, 16_000)


def test_what_is_wrong_with_one_sound_is_refused(tree: Path) -> None:
    (tree / "anna/0.wav").write_text("no sound")
    soundfile.write(tree / "anna/1.wav", np.stack([noise(4800)] * 2, axis=1), 16_000)
    sound(tree / "anna/2.WAV")
    sound(tree / "bob/0.mp3")
    (tree / "bob/9.wav").symlink_to(tree / "nothing.wav")
    found = items(tree)
    assert refused(found) == [
        ("bob_9.wav", "utterance", "bob/9.wav", "the link leads nowhere"),
        ("anna_2.wav", "utterance", "anna/2.wav", "two files have one name"),
        ("bob_0.mp3", "utterance", "bob/0.mp3", "two files have one name"),
        ("anna_0", "utterance", "anna/0.wav", "the audio file is unreadable"),
        ("anna_1", "utterance", "anna/1.wav", "the audio is not mono"),
    ]


def test_a_channel_may_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    soundfile.write(tmp_path / "anna/a.wav", np.stack([noise(4800), noise(4800, 1)], axis=1), 16_000)
    (one,) = spoken(items(tmp_path, channel=2))
    np.testing.assert_array_equal(one.wave, noise(4800, 1))


def test_a_name_that_does_not_tell_who_speaks(tree: Path) -> None:
    found = items(tree, speaker=r"^(?P<speaker>anna|bob)/")
    assert {one.speaker for one in spoken(found)} == {"anna", "bob"}
    assert refused(found)[0] == (
        "carl_0",
        "utterance",
        "carl/0.wav",
        "the file's name does not tell who speaks",
    )


BAD_TEXT: list[tuple[bytes, str, str]] = [
    (b"", "the transcript is empty", "line 1"),
    (b"\n ... \n", "the transcript is empty", "line 2"),
    (b"sh\xe4 had", "the transcript is not UTF-8", "byte 2"),
    ("she had".encode("utf-16"), "the transcript is not UTF-8", "byte 0"),
    ("she had".encode("utf-16-le"), "the transcript has NUL characters", "byte 1"),
    (b"0 1600000 sil\n1600000 3000000 sh\n", "the transcript has times", "line 1: '0 1600000 sil'"),
    (b"\nshe <noise> had", "a word has no pronunciation", "line 2: <noise>"),
    (b"she [laughs]", "a word has no pronunciation", "line 1: [laughs]"),
]


@pytest.mark.parametrize(("content", "reason", "place"), BAD_TEXT)
def test_a_bad_transcript_leaves_the_utterance_without_labels(
    said: Path, content: bytes, reason: str, place: str
) -> None:
    (said / "bob/0.txt").write_bytes(content)
    found = items(said, lexicon="lexicon.txt")
    assert refused(found) == [("bob_0", "labels", "bob/0.txt", reason)]
    refusal = next(one for one in found if isinstance(one, Refusal))
    assert refusal.place == place
    assert refusal.remedy
    assert len(spoken(found)) == 9
    assert next(one for one in spoken(found) if one.utterance == "bob_0").labels == ()


BAD_TABLE: list[tuple[bytes, str]] = [
    (b"", "no column text"),
    (b"text\nhello\n", "no column file or utterance"),
    (b"file,text\n", "no column file or utterance, or no row"),
    (b"file,text\nanna/0,she,had\n", "line 2: 3 values for 2 columns"),
    (b"file,text\nanna/0,she\nanna/0.wav,had\n", "line 3: 'anna/0.wav' has two texts"),
    (b"utterance,text\n0,she\n", "'0' could be anna/0 or bob/0 or carl/0"),
    (b"file,text\nzoe/0,she\n", "no row belongs to a sound: 'zoe/0'"),
    (b'file,text\nanna/0,"she\n', "the table is malformed"),
    (b"file,text\nanna/0,sh\xe4\n", "byte 19: the table is not UTF-8"),
    (b"file,text\nanna/0,sh\0\n", "the table has NUL characters"),
]


@pytest.mark.parametrize(("content", "message"), BAD_TABLE)
def test_a_bad_table_of_transcripts_is_an_error(tree: Path, content: bytes, message: str) -> None:
    (tree / "texts.csv").write_bytes(content)
    with pytest.raises(InputError) as error:
        items(tree, transcripts="texts.csv")
    assert message in str(error.value)
    assert "texts.csv" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_lexicon_that_is_not_there_is_an_error(said: Path) -> None:
    with pytest.raises(InputError, match="the lexicon cannot be read"):
        items(said, lexicon="none.txt")


ANY = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@ANY
@given(st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace")))
@example(b"\xef\xbb\xbf")
def test_no_bytes_in_a_transcript_make_it_fail(tree: Path, content: bytes) -> None:
    (tree / "lexicon.txt").write_text("SHE QQ\n")  # no ARPABET: no word is left to espeak-ng
    (tree / "anna/0.txt").write_bytes(content)
    found = items(tree, lexicon="lexicon.txt")
    assert len(spoken(found)) == 9
    assert all(" ".join(one.text.split()) == one.text for one in spoken(found))


@ANY
@given(st.binary(max_size=60) | st.text('abc,"\n\r\u2028 0/', max_size=60).map(str.encode))
def test_no_bytes_in_a_table_make_it_fail(tree: Path, content: bytes) -> None:
    (tree / "lexicon.txt").write_text("SHE QQ\n")
    (tree / "texts.csv").write_bytes(b"file,text\n" + content)
    found: list[Utterance | Refusal] = []
    with suppress(InputError):
        found = items(tree, transcripts="texts.csv", lexicon="lexicon.txt")
    assert len(spoken(found)) in (0, 9)
    assert all(one[3] != "" for one in refused(found))


@ANY
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=12))
@example(["a", "a", "a_2", "a"])
@example(["a b", "a_b_2", "a/b", "a_b"])
def test_names_are_always_safe_and_unique(texts: list[str]) -> None:
    names = safe_names(texts)
    assert len(names) == len(texts) == len(set(names))
    assert all(name and not any(letter.isspace() for letter in name) for name in names)
