"""LibriSpeech: a folder that is there, and one that is fetched."""

import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.chapters import find_chapters, read_speakers
from speech_factorization.corpora.librispeech import Settings, read
from speech_factorization.corpora.tables import Corpus, write_corpus
from speech_factorization.errors import InputError
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import fold_labels
from tests.corpora.trees import noise

SPEAKERS = {"84": "F", "174": "M", "251": "M", "422": "M", "1272": "M", "1462": "F", "1673": "F", "777": "F"}
WORDS = ["OH", "YES", "IT'S", "TEA", "TEE"]
LEXICON = """;;; CMUdict's form
OH  OW1
YES  Y EH1 S
IT'S  IH1 T S
TEA  T IY1
TEE  T IY1
"""


@pytest.fixture
def librispeech(tmp_path: Path) -> Path:
    """dev-clean of eight speakers, two chapters each, four utterances a chapter, in FLAC."""
    root = tmp_path / "librispeech/LibriSpeech"
    for speaker in SPEAKERS:
        for chapter in ("121123", "99"):
            folder = root / "dev-clean" / speaker / chapter
            folder.mkdir(parents=True)
            lines = []
            for number in range(4):
                name = f"{speaker}-{chapter}-{number:04d}"
                soundfile.write(folder / f"{name}.flac", noise(3200, number), 16_000)
                words = " ".join([*WORDS[: number + 1], *(["OH"] * (len(chapter)))])
                lines.append(f"{name} {words}")
            (folder / f"{speaker}-{chapter}.trans.txt").write_text("\n".join(lines) + "\n")
    rows = [f"{name:<4} | {sex} | dev-clean        |  8.02 | Jo | Doe" for name, sex in SPEAKERS.items()]
    (root / "SPEAKERS.TXT").write_text("; some remarks\n;ID  |SEX| SUBSET\n" + "\n".join(rows) + "\n")
    (root / "README.TXT").write_text("LibriSpeech\n")
    return tmp_path / "librispeech"


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    """Every word of these transcripts."""
    path = tmp_path / "cmudict.dict"
    path.write_text(LEXICON)
    return path


@pytest.fixture
def read_all(
    lexicon: Path, parameters: Callable[..., Any]
) -> Callable[..., tuple[dict[str, Utterance], list[Refusal]]]:
    """Read a folder: everyone unless said otherwise; utterances by name, and refusals."""

    def go(source: Path, women: int = 9, men: int = 9, seed: int = 0, **own: Any) -> Any:
        chosen = parameters("librispeech", women=women, men=men)
        items = list(read(source, chosen, seed, 1, Settings(**({"lexicon": str(lexicon)} | own))))
        refused = [item for item in items if isinstance(item, Refusal)]
        return {item.utterance: item for item in items if isinstance(item, Utterance)}, refused

    return go


@pytest.mark.parametrize("inside", ["", "LibriSpeech", "LibriSpeech/dev-clean"])
def test_a_folder_that_is_there(librispeech: Path, read_all: Any, inside: str) -> None:
    found, refused = read_all(librispeech / inside)
    assert not refused
    assert len(found) == 64
    one = found["84-121123-0002"]
    assert (one.speaker, one.sex, one.text) == ("84", "F", "OH YES IT'S OH OH OH OH OH OH")
    np.testing.assert_array_equal(one.wave, noise(3200, 2))
    assert one.words[:3] == (Word("OH", None, None), Word("YES", None, None), Word("IT'S", None, None))
    symbols = ["sil", "OW1", "sil", "Y", "EH1", "S", "sil", "IH1", "T", "S", "sil"]
    assert one.labels[:11] == tuple(Label(symbol, None, None) for symbol in symbols)
    assert one.labels[-1].symbol == "sil"
    order = [tuple(map(int, name.split("-"))) for name in found]
    assert order == sorted(order)


def test_the_stages_after_take_it(tmp_path: Path, librispeech: Path, lexicon: Path, parameters: Any) -> None:
    items = read(librispeech, parameters("librispeech", women=9, men=9), 0, 1, Settings(lexicon=str(lexicon)))
    summary = write_corpus(items, tmp_path / "out")
    assert (summary["utterances"], summary["labelled"]) == (64, 64)
    assert summary["speakers"] == {"F": 4, "M": 4, "unknown": 0}
    corpus = Corpus(tmp_path / "out")
    folded = fold_labels(corpus.labels, load_fold("arpabet"))
    assert {"sil", "ow", "iy", "s"} <= set(folded["phone"]) <= set(load_fold("arpabet").classes)
    assert corpus.words["begin"].isna().all()


def test_speakers_are_chosen_split_and_half_women(librispeech: Path, read_all: Any) -> None:
    found, _ = read_all(librispeech, women=3, men=3)
    sexes = {item.speaker: item.sex for item in found.values()}
    assert Counter(sexes.values()) == {"F": 3, "M": 3}
    parts: dict[str, set[str]] = {}
    for item in found.values():
        parts.setdefault(item.speaker_split, set()).add(item.speaker)
    assert {part: len(own) for part, own in parts.items()} == {"train": 2, "valid": 2, "test": 2}
    assert len(set().union(*parts.values())) == 6
    assert all({sexes[one] for one in own} == {"F", "M"} for own in parts.values())
    with pytest.raises(InputError, match="nobody is left of 8 speakers"):
        read_all(librispeech, women=0, men=0)


def test_split_is_by_text_within_the_speaker(librispeech: Path, read_all: Any) -> None:
    found, _ = read_all(librispeech)
    sides: dict[str, set[str]] = {}
    for item in found.values():
        sides.setdefault(item.text, set()).add(item.split)
    # Everybody reads the same eight texts.
    assert Counter(side for own in sides.values() for side in own) == {"train": 5, "valid": 1, "test": 2}


def test_without_the_table_of_speakers_sexes_are_unknown(librispeech: Path, read_all: Any) -> None:
    (librispeech / "LibriSpeech/SPEAKERS.TXT").unlink()
    found, refused = read_all(librispeech, women=3, men=2)
    assert {item.sex for item in found.values()} == {""}
    assert len({item.speaker for item in found.values()}) == 5
    assert [(item.of, item.file, item.reason) for item in refused] == [
        ("labels", "LibriSpeech/SPEAKERS.TXT", "the text file is missing")
    ]


def change(path: Path, old: str, new: str) -> None:
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))


BAD_LINES = [
    ("84-99-0001 OH", "84-99-0001OH", "a transcript line is malformed", "line 2: '84-99-0001OH YES OH OH'"),
    ("84-99-0001 OH", "84-98-0001 OH", "a transcript line is malformed", "line 2: '84-98-0001 OH YES OH OH'"),
    ("84-99-0001 OH YES OH OH", "84-99-0001", "a transcript line is malformed", "line 2: '84-99-0001'"),
    ("84-99-0002", "84-99-0001", "an utterance has two transcripts", "line 3: 84-99-0001, first on line 2"),
    ("84-99-0001 OH", "84-99-0001 [NOISE] OH", "a word has no pronunciation", "line 2: [NOISE]"),
    ("84-99-0001 OH YES OH OH\n", "", "the transcript has no line for the utterance", "84-99-0001"),
]


@pytest.mark.parametrize(("old", "new", "reason", "place"), BAD_LINES)
def test_bad_lines_cost_the_labels_of_their_utterance(
    librispeech: Path, read_all: Any, old: str, new: str, reason: str, place: str
) -> None:
    change(librispeech / "LibriSpeech/dev-clean/84/99/84-99.trans.txt", old, new)
    found, refused = read_all(librispeech)
    assert len(found) == 64
    assert (refused[0].of, refused[0].reason, refused[0].place) == ("labels", reason, place)
    assert refused[0].file == "LibriSpeech/dev-clean/84/99/84-99.trans.txt"
    assert refused[0].remedy
    assert sum(not item.labels for item in found.values()) == 1
    if "NOISE" in new:
        assert len(found["84-99-0001"].words) == 5


def test_bad_transcripts(librispeech: Path, read_all: Any) -> None:
    path = librispeech / "LibriSpeech/dev-clean/84/99/84-99.trans.txt"
    path.write_bytes(b"84-99-0000 OH\n84-99-0001 \xff\n")
    found, refused = read_all(librispeech)
    assert [(item.utterance, item.reason, item.place) for item in refused] == [
        ("84-99", "the text file is not UTF-8", "byte 25")
    ]
    path.unlink()
    found, refused = read_all(librispeech)
    assert [(item.utterance, item.reason) for item in refused] == [("84-99", "the text file is missing")]
    assert len(found) == 64
    assert found["84-99-0000"].text == ""
    assert not found["84-99-0000"].words
    assert {found[f"84-99-000{number}"].split for number in range(4)} <= {"train", "valid", "test"}


def test_sound_that_is_missing_or_is_none_of_it(librispeech: Path, read_all: Any) -> None:
    chapter = librispeech / "LibriSpeech/dev-clean/84/99"
    (chapter / "84-99-0001.flac").unlink()
    (chapter / "84-99-0002.flac").write_bytes(b"fLaC" + bytes(50))
    shutil.copy(chapter / "84-99-0003.flac", chapter / "take two.flac")
    (chapter / "again").mkdir()
    shutil.copy(chapter / "84-99-0003.flac", chapter / "again/84-99-0000.flac")
    (chapter / "again/84-99.trans.txt").write_text("84-99-0000 TEA\n")
    found, refused = read_all(librispeech)
    assert len(found) == 62
    assert {(item.utterance, item.of, item.reason, item.place.partition(" ")[0]) for item in refused} == {
        ("take two", "utterance", "the file's name is not one of LibriSpeech's", ""),
        ("84-99-0000", "utterance", "the utterance is there twice", "the"),
        ("84-99", "labels", "the transcript is there twice", "the"),
        ("84-99-0001", "utterance", "the audio file is missing", ""),
        ("84-99-0002", "utterance", "the audio file is unreadable", refused_place(refused)),
    }


def refused_place(refused: list[Refusal]) -> str:
    """What libsndfile says of a file of this kind differs from version to version."""
    (only,) = (item for item in refused if item.utterance == "84-99-0002")
    return only.place.partition(" ")[0]


@pytest.mark.parametrize("line", ["84 | X | dev-clean", "84", "eighty | F | dev-clean", "| F"])
def test_malformed_speakers(librispeech: Path, read_all: Any, line: str) -> None:
    change(librispeech / "LibriSpeech/SPEAKERS.TXT", "84   | F | dev-clean        |", line + " |")
    found, refused = read_all(librispeech)
    assert found["84-99-0000"].sex == ""
    assert refused[0].reason == "a speaker's line is malformed"
    assert refused[0].place.startswith("line 3: ")


@pytest.mark.parametrize("there", [True, False])
def test_a_part_that_is_not_there(tmp_path: Path, read_all: Any, there: bool) -> None:
    source = tmp_path / "data/librispeech"
    if there:
        source.mkdir(parents=True)
    with pytest.raises(InputError, match=f"{source}: no folder dev-other.*link your copy: ln -s .*{source}$"):
        read_all(source, part="dev-other")
    (source / "dev-other").mkdir(parents=True)
    with pytest.raises(InputError, match="dev-other: no recording of LibriSpeech here; unpack"):
        read_all(source, part="dev-other")


def test_a_missing_lexicon(librispeech: Path, read_all: Any) -> None:
    with pytest.raises(InputError, match=f"{librispeech}/nowhere.dict: the lexicon cannot be read"):
        read_all(librispeech, lexicon="nowhere.dict")


def test_a_lexicon_is_named_from_the_corpus_s_folder(librispeech: Path, lexicon: Path, read_all: Any) -> None:
    lexicon.rename(librispeech / "lexicon.txt")
    found, refused = read_all(librispeech, lexicon="lexicon.txt")
    assert not refused
    assert all(one.labels for one in found.values())


@pytest.mark.parametrize("own", [{"part": "dev-cleaner"}, {"download": "yes"}, {"lang": "en"}])
def test_unknown_settings_are_refused(own: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(own))):
        Settings(**own)  # type: ignore[arg-type]


@pytest.fixture
def archive(tmp_path: Path, librispeech: Path) -> Path:
    """dev-clean.tar.gz as openslr.org has it, of the small tree, which is gone then."""
    path = tmp_path / "dev-clean.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(librispeech / "LibriSpeech", "LibriSpeech")
    shutil.rmtree(librispeech)
    return path


def test_a_part_is_fetched_once(
    monkeypatch: pytest.MonkeyPatch, librispeech: Path, archive: Path, read_all: Any
) -> None:
    asked = []

    def fetch(url: str, path: str, **more: Any) -> None:
        asked.append(url)
        assert more["hash_prefix"]
        shutil.copy(archive, path)

    monkeypatch.setattr("torchaudio.datasets.librispeech.download_url_to_file", fetch)
    found, refused = read_all(librispeech, download=True)
    assert not refused
    assert len(found) == 64
    assert found["84-99-0000"].sex == "F"
    assert asked == ["http://www.openslr.org/resources/12/dev-clean.tar.gz"]
    assert [path.name for path in librispeech.iterdir()] == ["LibriSpeech"]
    again, _ = read_all(librispeech, download=True)
    assert list(again) == list(found)
    assert len(asked) == 1


def test_a_broken_fetch_leaves_no_part(
    monkeypatch: pytest.MonkeyPatch, librispeech: Path, archive: Path, read_all: Any
) -> None:
    def offline(url: str, path: str, **more: Any) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchaudio.datasets.librispeech.download_url_to_file", offline)
    with pytest.raises(InputError, match=r"dev-clean cannot be downloaded \(.*not known.*\); try again"):
        read_all(librispeech, download=True)

    def cut(url: str, path: str, **more: Any) -> None:
        Path(path).write_bytes(archive.read_bytes()[:-3000])

    monkeypatch.setattr("torchaudio.datasets.librispeech.download_url_to_file", cut)
    with pytest.raises(InputError, match="dev-clean cannot be downloaded"):
        read_all(librispeech, download=True)
    assert not list(librispeech.iterdir())
    with pytest.raises(InputError, match="no folder dev-clean here"):
        read_all(librispeech)


NAMES = st.sampled_from(["1-2-0000", "1-2-0001", "1-3-0000", "1-2", "", "x", "1-2-9999999999"])
LINES = st.builds("{}{}{}".format, NAMES, st.sampled_from([" ", "", "  ", "\t"]), st.text(max_size=8))


@given(st.binary(max_size=200) | st.lists(LINES, max_size=6).map(lambda lines: "\n".join(lines).encode()))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_transcript_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "dev-clean/1/2"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1-2.trans.txt").write_bytes(content)
    (folder / "1-2-0000.flac").write_bytes(b"")
    (chapter,), refused = find_chapters(folder.parents[1], folder.parents[1])
    assert not refused
    assert "1-2-0000" in chapter.utterances
    assert ("1-2-0000" in chapter.lines) or chapter.faults
    for number, text in chapter.lines.values():
        assert number > 0
        assert text == " ".join(text.split()) != ""
    for fault in chapter.faults:
        assert "\n" not in str(fault)


@given(st.binary(max_size=200) | st.text("1 F|M;\n\tx", max_size=60).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_speakers_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "SPEAKERS.TXT"
    path.write_bytes(content)
    sexes, faults = read_speakers(path)
    assert set(sexes.values()) <= {"F", "M"}
    assert all(fault.remedy and "\n" not in str(fault) for fault in faults)


FOLDERS = st.sampled_from(["1", "2", "9", "LibriSpeech", "dev-clean", "a b", "ä"])
FILES = st.sampled_from(
    ["1-2-0000.flac", "1-2-0001.flac", "9-2-0000.wav", "1-2-0000.FLAC", "1-2.trans.txt", "9-2.TRANS.TXT"]
    + ["SPEAKERS.TXT", "x.flac", "1-2-.flac", ".flac", "1-2-0000.flac.part", "-1-2-3.flac"]
)
TREES = st.lists(st.tuples(st.lists(FOLDERS, max_size=3), FILES, st.integers(0, 3)), max_size=8)


@given(TREES)
@settings(max_examples=40, deadline=None)
def test_any_tree_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, tree: list[Any]) -> None:
    source = tmp_path_factory.mktemp("tree")
    (source / "dev-clean").mkdir()
    sounds = set()
    for folders, name, kind in tree:
        path = source.joinpath("dev-clean", *folders, name)
        if path.exists() or any(parent.is_file() for parent in path.parents):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == 3:
            path.mkdir()
        elif path.suffix.lower() in (".flac", ".wav") and not name.startswith("."):
            soundfile.write(path, noise(1600 * kind), 16_000, format="FLAC")
            sounds.add(path.relative_to(source).as_posix())
        else:
            path.write_text(f"1-2-000{kind} OH OH\n9-2-0000 [X]\n1 | F | x\n")
    chapters, refused = find_chapters(source / "dev-clean", source)
    used = {path.relative_to(source).as_posix() for one in chapters for path in one.sounds.values()}
    # Beside a sound file the same in another form is left out, whichever the case of its suffix.
    left = sounds - used - {item.file for item in refused}
    assert all(
        any(path.rpartition(".")[0] == other.rpartition(".")[0] for other in sounds - {path}) for path in left
    )
    for one in chapters:
        assert one.utterances
