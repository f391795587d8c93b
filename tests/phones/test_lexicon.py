"""Words to ARPABET: files in every form they come in, espeak-ng for the rest, faults in one line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.phones import espeak
from speech_factorization.phones.espeak import arpabet
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.lexicon import Lexicon

CMUDICT = """;;; # CMUdict  --  Major Version: 0.07
;;; a comment
!EXCLAMATION-POINT  EH2 K S K L AH0 M EY1 SH AH0 N P OY2 N T
A  AH0
A(1)  EY1
D\u00c9J\u00c0  D EY1 ZH AA2
# a comment of another version
tomato T AH0 M EY1 T OW2
tomato(2) T AH0 M AA1 T OW2 # british
don't D OW1 N T
"""


def write(path: Path, text: str, encoding: str = "utf-8") -> Lexicon:
    path.write_bytes(text.encode(encoding))
    return Lexicon.load(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_cmudict(tmp_path: Path, encoding: str) -> None:
    lexicon = write(tmp_path / "cmudict", CMUDICT, encoding)
    assert lexicon.look_up("Tomato") == lexicon.look_up("TOMATO") == ("T", "AH0", "M", "EY1", "T", "OW2")
    assert lexicon.look_up("a") == ("AH0",)
    assert lexicon.look_up("d\u00e9j\u00e0") == ("D", "EY1", "ZH", "AA2")
    assert lexicon.look_up("don\u2019t") == ("D", "OW1", "N", "T")
    assert len(lexicon.entries) == 5


def test_kaldis_lexicons(tmp_path: Path) -> None:
    plain = write(tmp_path / "lexicon.txt", "!SIL SIL\n<UNK> SPN\nread R EH1 D\r\nread R IY1 D\r\n")
    assert plain.look_up("read") == ("R", "EH1", "D")
    assert plain.look_up("<UNK>") == ("SPN",)
    weighted = write(tmp_path / "lexiconp.txt", "READ 0.4 R EH1 D\nREAD 1.0 R IY1 D\nREAD 1.0 R D\n")
    assert weighted.look_up("read") == ("R", "IY1", "D")


def test_mfas_dictionaries(tmp_path: Path) -> None:
    lexicon = write(
        tmp_path / "english.dict", "read\t0.4\t0.1\t1.2\t0.98\t\u0279 \u025b d\nread\t1e-05\t\u0279 iː d\n"
    )
    assert lexicon.look_up("read") == ("\u0279", "\u025b", "d")
    # ARPABET among IPA would be another phone, or none.
    assert not lexicon.falls_back
    assert lexicon.look_up("tomato") is None


def test_numbers_that_are_phones(tmp_path: Path) -> None:
    lexicon = write(tmp_path / "sampa", "earth 3 T\nearthy 1.0 3 T i\n")
    assert lexicon.look_up("earth") == ("3", "T")
    assert lexicon.look_up("earthy") == ("3", "T", "i")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a AH0\nbee\n", "lexicon, line 2: 'bee' has no phones; write: word phone phone ..."),
        (b"a 0.5\n", "lexicon, line 1: 'a' has no phones"),
        (b"bee # B IY1\n", "lexicon, line 1: 'bee' has no phones"),
        (b"", "lexicon: the lexicon has no words; download it again"),
        (b";;; nothing\n\n", "lexicon: the lexicon has no words"),
        (b"\x1f\x8b\0\0", "lexicon: the lexicon is no text; unpack it"),
        (
            None,
            "lexicon: the lexicon cannot be read (No such file or directory); check the path, or download",
        ),
    ],
)
def test_bad_lexicons_are_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "lexicon"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as error:
        Lexicon.load(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def spoken() -> Lexicon:
    """No lexicon: espeak-ng says every word."""
    return Lexicon.load(None)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hello", "HH AH0 L OW1"),
        ("HELLO", "HH AH0 L OW1"),
        ("better", "B EH1 T ER0"),
        ("button", "B AH1 T AH0 N"),
        ("little", "L IH1 T AH0 L"),
        ("north", "N AO1 R TH"),
        ("fire", "F AY1 ER0"),
        ("vision", "V IH1 ZH AH0 N"),
        ("a", "AH0"),
        ("42", "F AO1 R T IY0 T UW1"),
        ("na\u00efve", "N AY0 IY1 V"),
    ],
)
def test_espeak_writes_arpabet(spoken: Lexicon, word: str, phones: str) -> None:
    assert spoken.look_up(word) == tuple(phones.split())


@pytest.mark.parametrize(
    "word", ["", " ", "...", "<unk>", "[noise]", "!SIL", "\u4f60\u597d", "\u263a", "&", "b" * 101]
)
def test_what_is_no_word_has_no_phones(spoken: Lexicon, word: str) -> None:
    assert spoken.look_up(word) is None


def test_the_lexicon_goes_before_espeak(tmp_path: Path) -> None:
    lexicon = write(tmp_path / "own", "hello B EH1 T ER0\n")
    assert lexicon.look_up("hello") == ("B", "EH1", "T", "ER0")
    assert lexicon.look_up("better") == ("B", "EH1", "T", "ER0")


def test_answers_do_not_depend_on_what_was_asked_before(spoken: Lexicon) -> None:
    words = ["record", "the", "42", "read", "of", "live"]
    forwards = [spoken.look_up(word) for word in words]
    again = Lexicon.load(None)
    assert [again.look_up(word) for word in reversed(words)] == forwards[::-1]


def test_stress_is_of_the_first_vowel_and_pauses_are_nothing() -> None:
    assert arpabet(["f", "'aI3", "_:"]) == ("F", "AY1", "ER0")
    assert arpabet(["''aU@", ",@L", "%I"]) == ("AW1", "ER0", "AH2", "L", "IH0")
    assert arpabet(["_:", ";"]) is None
    assert arpabet(["f", "unheard"]) is None


def test_espeak_speaks_phones_of_the_fold_alone() -> None:
    fold = load_fold("arpabet")
    for mnemonic, phones in espeak._mnemonics().items():
        assert set(arpabet(["'" + mnemonic]) or ()) <= set(fold.symbols)
        assert all(fold.fold(phone) for phone in phones)


def test_without_espeak_the_word_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    lexicon = write(tmp_path / "own", "hello B EH1 T ER0\n")
    assert lexicon.look_up("hello")
    with pytest.raises(InputError, match="the word 'better': it is in no lexicon, and espeak-ng is not inst"):
        lexicon.look_up("better")


def test_a_speaker_that_died_is_replaced() -> None:
    lexicon = Lexicon.load(None)
    lexicon.look_up("hello")
    process = lexicon._speller._process
    assert process is not None
    process.kill()
    process.wait()
    assert lexicon.look_up("better") == ("B", "EH1", "T", "ER0")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_lexicon_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "lexicon"
    path.write_bytes(content)
    said, entries = "", {}
    try:
        entries = Lexicon.load(path).entries
    except InputError as error:
        said = str(error)
    assert "\n" not in said
    assert bool(said) != bool(entries)
    assert all(word and phones and all(phones) for word, phones in entries.items())


WORD = st.text(st.sampled_from("abcXYZ'-\u00e9"), min_size=1, max_size=6)
PHONES = st.lists(st.sampled_from(sorted(set(load_fold("arpabet").symbols) - {""})), min_size=1, max_size=5)
ENTRY = st.tuples(
    WORD,
    PHONES,
    st.sampled_from(
        ["{word}  {phones}", "{word}\t0.5 {phones}", "{word} {phones} # x", " {word}(2) {phones}\r"]
    ),
)


@given(st.lists(ENTRY, min_size=1, max_size=8))
def test_whatever_is_written_is_looked_up(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, list[str], str]]
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "lexicon"
    lines = [form.format(word=word, phones=" ".join(phones)) for word, phones, form in entries]
    path.write_text("\n".join([";;; begin", *lines]), encoding="utf-8")
    lexicon = Lexicon.load(path)
    assert lexicon.falls_back
    for word, _, _ in entries:
        own = [(phones, form) for other, phones, form in entries if other.lower() == word.lower()]
        best = [phones for phones, form in own if "0.5" not in form] or [phones for phones, _ in own]
        assert lexicon.look_up(word.upper()) == tuple(best[0])


@given(st.text(max_size=30))
def test_any_word_is_spoken_or_not(spoken: Lexicon, word: str) -> None:
    phones = spoken.look_up(word)
    assert phones is None or (phones and all(load_fold("arpabet").fold(phone) for phone in phones))
