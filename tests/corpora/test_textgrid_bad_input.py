"""TextGrids, tables and settings that are wrong: what is lost, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.praat import Grid, Interval, Point, Tier
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.corpora.textgrid import Settings
from speech_factorization.errors import InputError
from tests.corpora.grids import grid, write_grid
from tests.corpora.textgrid_trees import PHONES, SHE, TALK, WORDS, items, sound, write_three


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three speakers of one recording each."""
    return write_three(tmp_path / "corpus")


BAD: list[tuple[Grid | str, str, str]] = [
    ("", "the label file is empty", ""),
    (
        "0 800 h#\n800 1600 sh\n",
        "something else where a text has to be",
        "line 1: '0.0' for type of the file",
    ),
    (Grid(0.0, 1.0, ()), "no tier of phones", "tiers: none"),
    (grid(1.0, words=WORDS), "no tier of phones", "tiers: 'words'"),
    (grid(1.0, **{"anna - words": WORDS, "phones": PHONES}), "no tier of phones", "none for anna"),
    (
        grid(1.0, **{"anna - words": WORDS, "anna - phones": PHONES, "bob - phones": PHONES}),
        "no tier of words",
        "none for bob",
    ),
    (replace(SHE, tiers=(*SHE.tiers, SHE.tiers[1])), "two tiers have one name", "line 62: 'phones'"),
    (
        Grid(0.0, 1.0, (Tier("phones", 0.0, 1.0, 0, points=(Point(0.5, "A", 0),), of_points=True),)),
        "a tier of phones or words has points",
        "line 10: 'phones'",
    ),
    (grid(1.0, phones=[(0.0, 1.0, "")]), "the label file is empty", "no phone in tier 'phones'"),
    (grid(1.0, phones=[]), "the label file is empty", "no phone in tier 'phones'"),
    (replace(SHE, begin=0.5), "the TextGrid does not begin at 0", "it begins at 0.5 s"),
    (grid(1.0, phones=[(-0.1, 0.5, "A")]), "times before 0", "line 16"),
    (grid(2.0, phones=PHONES), "sound and TextGrid differ in length", "2.000 s, the sound 1.000 s"),
    (grid(0.8, phones=PHONES), "sound and TextGrid differ in length", "0.800 s, the sound 1.000 s"),
    (
        grid(1.0, phones=[(0.0, 1.2, "A")]),
        "labels end after the audio",
        "line 16: A ends at 1.200 s of 1.000 s",
    ),
    (
        grid(1.0, phones=[(0.0, 1.0, "A"), (1.0, 1.05, "B")]),
        "labels end after the audio",
        "B ends at 1.050 s",
    ),
    (
        grid(1.0, phones=[(0.0, 0.5, "A"), (0.5, 0.50001, "B"), (0.6, 1.0, "C")]),
        "a label is shorter than a sample",
        "B from 0.5 s to 0.50001 s",
    ),
]


@pytest.mark.parametrize(("content", "reason", "place"), BAD)
def test_a_bad_grid_leaves_the_utterance_without_labels(
    tree: Path, content: Grid | str, reason: str, place: str, tmp_path: Path
) -> None:
    path = tree / "bob/a 1.TextGrid"
    path.write_text(content) if isinstance(content, str) else write_grid(path, content)
    anna, refusal, bob, carl = items(tree)
    assert isinstance(refusal, Refusal)
    assert isinstance(bob, Utterance)
    assert (refusal.utterance, refusal.of, refusal.file) == ("bob_a_1", "labels", "bob/a 1.TextGrid")
    assert reason in refusal.reason
    assert place in refusal.place
    assert refusal.remedy
    assert (bob.labels, bob.speaker) == ((), "bob")
    summary = write_corpus([anna, refusal, bob, carl], tmp_path / "out")
    assert (summary["utterances"], summary["labelled"]) == (3, 2)


def test_a_tier_of_words_that_was_named_and_is_nowhere(tree: Path) -> None:
    """A mistyped name would leave every utterance without a text, and so one text on several sides."""
    found = items(tree, words="wrods")
    refused = [one for one in found if isinstance(one, Refusal)]
    assert [(one.of, one.reason) for one in refused] == [("labels", "no tier of words")] * 3
    assert refused[0].place == "tiers: 'words', 'phones'"
    assert "readers.textgrid.words" in refused[0].remedy
    assert not any(one.labels for one in found if isinstance(one, Utterance))


def test_what_does_not_belong_together_is_refused(tree: Path) -> None:
    (tree / "bob/a 1.TextGrid").unlink()
    (tree / "carl/a 1.wav").unlink()
    (tree / "anna/a 1.wav").write_text("no sound")
    sound(tree / "anna/a 1.flac")
    write_grid(tree / "anna/b.TextGrid", SHE)
    sound(tree / "carl/c.wav")
    write_grid(tree / "carl/c.TextGrid", SHE)
    refused = [one for one in items(tree) if isinstance(one, Refusal)]
    assert [(one.utterance, one.of, one.file, one.reason) for one in refused] == [
        ("anna_a_1.flac", "utterance", "anna/a 1.flac", "two files have one name"),
        ("anna_b", "utterance", "anna/b.wav", "the audio file is missing"),
        ("carl_a_1", "utterance", "carl/a 1.wav", "the audio file is missing"),
        ("anna_a_1", "utterance", "anna/a 1.wav", "the audio file is unreadable"),
        ("bob_a_1", "labels", "bob/a 1.TextGrid", "the label file is missing"),
    ]
    assert refused[0].place == "beside a 1.wav"


def test_cutting_by_a_grid_of_another_sound_is_refused(tmp_path: Path) -> None:
    sound(tmp_path / "talks/t1.wav", 5.0)
    write_grid(tmp_path / "talks/t1.TextGrid", grid(6.0, **TALK))
    found = items(tmp_path)
    assert {type(one) for one in found} == {Refusal}
    assert "sound and TextGrid differ in length" in {one.reason for one in found if isinstance(one, Refusal)}


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"speaker": "("}, "is no regular expression"),
        ({"speaker": "([a-z]+)"}, "has no group"),
        ({"pause": 0.0}, "greater than 0"),
        ({"phones": ""}, "at least 1 character"),
        ({"channel": 0}, "greater than or equal to 1"),
        ({"grid": "x"}, "Extra inputs"),
    ],
)
def test_settings_out_of_range(chosen: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings.model_validate(chosen)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"speaker": r"(?P<speaker>\d{4})"}, "no file's name tells who speaks"),
        ({"sexes": "none.csv"}, "the table cannot be read"),
        ({"grids": "nowhere"}, "no such folder"),
    ],
)
def test_what_spoils_the_whole_corpus_is_an_error(
    tree: Path, chosen: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        items(tree, **chosen)


def test_no_sound_or_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sound file here"):
        items(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        items(tmp_path / "none")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,sex\nanna,F\n", "no column speaker"),
        ("speaker,sex\nanna,X\n", "line 2: no sex: 'X'"),
        ("speaker,sex\nanna,F\nanna,M\n", "line 3: 'anna' has two sexes"),
        ("speaker,sex\nanna,F,x\n", "line 2: 3 values for 2 columns"),
        ("speaker,sex\nzoe,F\n", "no speaker of the corpus is in it"),
        ("speaker,sex,sex\nanna,F,M\n", "two columns have one name"),
        ('speaker,sex\n"anna,F\n', "the table is malformed"),
        (b"speaker,sex\n\xe4nna,F\n", "byte 12: the table is not UTF-8"),
        ("speaker,sex\nan\0na,F\n", "NUL"),
        ("", "no column speaker or sex"),
    ],
)
def test_a_bad_table_of_sexes(tree: Path, table: str | bytes, message: str) -> None:
    (tree / "sexes.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(InputError, match=message) as error:
        items(tree, sexes="sexes.csv")
    assert "sexes.csv" in str(error.value)


edges = st.lists(st.integers(0, 120), min_size=1, max_size=8, unique=True).map(sorted)
symbols = st.sampled_from(["", "sil", "A", "B", "spn", "a b", "ɑː"])


@st.composite
def tiers(draw: st.DrawFn) -> Tier:
    """Tiers of any name with intervals between 0 and 1.2 s."""
    name = draw(
        st.sampled_from(["words", "phones", "Phones", "x - words", "x - phones", "y - phones", "other"])
    )
    times = [edge / 100 for edge in draw(edges)]
    spans = zip(times[:-1], times[1:], strict=True)
    intervals = tuple(Interval(begin, end, draw(symbols), 0) for begin, end in spans if draw(st.booleans()))
    return Tier(name, 0.0, 1.2, 0, intervals=intervals)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(tiers(), max_size=5).map(tuple),
    st.sampled_from([0.9, 1.0, 1.1]),
    st.sampled_from([0.2, 60.0]),
    st.sampled_from([0.05, 0.5]),
)
def test_any_grid_gives_labels_within_the_sound_or_a_refusal(
    tree: Path, own: tuple[Tier, ...], end: float, longest: float, pause: float
) -> None:
    write_grid(tree / "bob/a 1.TextGrid", Grid(0.0, end, own))
    names = set()
    for one in items(tree, longest=longest, pause=pause):
        if isinstance(one, Refusal):
            assert one.reason
            assert one.remedy
            continue
        assert one.utterance not in names
        names.add(one.utterance)
        last = 0
        for label in one.labels:
            assert label.begin is not None
            assert label.end is not None
            assert last <= label.begin < label.end <= len(one.wave)
            last = label.end


def test_a_damaged_grid_never_stops_the_corpus(tree: Path) -> None:
    path = tree / "bob/a 1.TextGrid"
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + b'\xff"7 ' + content[place + 2 :])
        found = items(tree)
        assert [one.utterance for one in found if isinstance(one, Utterance)] == [
            "anna_a_1",
            "bob_a_1",
            "carl_a_1",
        ]
        assert sum(isinstance(one, Refusal) for one in found) == 1
