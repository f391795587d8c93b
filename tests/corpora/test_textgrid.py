"""Trees of sounds and TextGrids as the Montreal Forced Aligner writes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from speech_factorization.corpora import emodb
from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.praat import Grid, Interval, Point, Tier
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.corpora.textgrid import Settings, read
from speech_factorization.errors import InputError
from speech_factorization.parameters import CorpusParameters
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels
from tests.corpora.grids import grid, write_grid
from tests.corpora.trees import noise

WORDS = [(0.0, 0.1, ""), (0.1, 0.5, "she"), (0.5, 0.8, "<unk>"), (0.8, 1.0, "")]
PHONES = [
    (0.0, 0.1, ""),
    (0.1, 0.3, "SH"),
    (0.3, 0.5, "IY1"),
    (0.5, 0.8, "spn"),
    (0.8, 0.9, "sil"),
    (0.9, 1.0, "sp"),
]
SHE = grid(1.0, words=WORDS, phones=PHONES)
LABELS = (
    Label("sil", 0, 1600),
    Label("SH", 1600, 4800),
    Label("IY1", 4800, 8000),
    Label("spn", 8000, 12_800),
    Label("sil", 12_800, 14_400),
    Label("sil", 14_400, 16_000),
)


def sound(path: Path, seconds: float = 1.0, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(round(seconds * rate)), rate)
    return path


def parameters(women: int = 20, men: int = 20) -> CorpusParameters:
    return CorpusParameters(
        name="textgrid",
        source="",
        fold="arpabet",
        women=women,
        men=men,
        vowels=[],
        factors=["phone"],
        sentences=[],
    )


def items(source: Path, women: int = 20, men: int = 20, **chosen: object) -> list[Utterance | Refusal]:
    return list(read(source, parameters(women, men), 0, 1, Settings.model_validate(chosen)))


def spoken(source: Path, **chosen: object) -> list[Utterance]:
    """What is read where nothing may be refused."""
    found = [item for item in items(source, **chosen) if isinstance(item, Utterance)]
    assert len(found) == len(items(source, **chosen))
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three speakers of one recording each, grids beside the sounds."""
    source = tmp_path / "corpus"
    for speaker in ("anna", "bob", "carl"):
        sound(source / speaker / "a 1.wav")
        write_grid(source / speaker / "a 1.TextGrid", SHE)
    return source


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


TALK = {
    # Two speakers in turn; at 4 s both at once.
    "anna__words": [(0.0, 1.0, "hello"), (1.0, 3.0, ""), (3.0, 4.2, "yes"), (4.2, 6.0, "")],
    "anna__phones": [(0.0, 1.0, "HH"), (1.0, 3.0, ""), (3.0, 4.2, "Y"), (4.2, 6.0, "")],
    "bob__words": [(0.0, 1.4, ""), (1.4, 2.0, "hi"), (2.0, 4.0, ""), (4.0, 5.0, "no"), (5.0, 6.0, "")],
    "bob__phones": [
        (0.0, 1.4, ""),
        (1.4, 2.0, "AY1"),
        (2.0, 4.0, "sil"),
        (4.0, 4.5, "N"),
        (4.5, 5.0, "OW1"),
        (5.0, 6.0, ""),
    ],
}


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
        ("anna_a_1", "utterance", "anna/a 1.flac", "two files have one name"),
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
