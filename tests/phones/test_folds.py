"""The folds, symbol by symbol, against a listing of their own."""

import re

import pytest

from speech_factorization.errors import InputError
from speech_factorization.phones.folds import _fold, check_vowels, load_fold

# Phone -> its units -> their symbols: the inverse of the data file, written down from the literature
# (Lee and Hon 1989; Kaldi's TIMIT recipe), not made from it.
TIMIT = {
    "aa": {"aa": "aa", "ao": "ao"},
    "ae": {"ae": "ae"},
    "ah": {"ah": "ah", "ax": "ax ax-h"},
    "aw": {"aw": "aw"},
    "ay": {"ay": "ay"},
    "b": {"b": "b"},
    "ch": {"ch": "ch"},
    "d": {"d": "d"},
    "dh": {"dh": "dh"},
    "dx": {"dx": "dx"},
    "eh": {"eh": "eh"},
    "er": {"er": "er axr"},
    "ey": {"ey": "ey"},
    "f": {"f": "f"},
    "g": {"g": "g"},
    "hh": {"hh": "hh hv"},
    "ih": {"ih": "ih", "ix": "ix"},
    "iy": {"iy": "iy"},
    "jh": {"jh": "jh"},
    "k": {"k": "k"},
    "l": {"l": "l", "el": "el"},
    "m": {"m": "m em"},
    "n": {"n": "n nx", "en": "en"},
    "ng": {"ng": "ng eng"},
    "ow": {"ow": "ow"},
    "oy": {"oy": "oy"},
    "p": {"p": "p"},
    "r": {"r": "r"},
    "s": {"s": "s"},
    "sh": {"sh": "sh", "zh": "zh"},
    "sil": {"sil": "h# pau", "epi": "epi", "cl": "pcl tcl kcl", "vcl": "bcl dcl gcl"},
    "t": {"t": "t"},
    "th": {"th": "th"},
    "uh": {"uh": "uh"},
    "uw": {"uw": "uw ux"},
    "v": {"v": "v"},
    "w": {"w": "w"},
    "y": {"y": "y"},
    "z": {"z": "z"},
}

EMODB = {
    "sil": {"sil": "sil"},
    "a": {"a": "a A"},
    "aI": {"aI": "aI", "OY": "OY"},
    "aU": {"aU": "aU AU aO AO ao"},
    "E": {"E": "E E6"},
    "e": {"e": "e e@"},
    "@": {"@": "@ @O @a"},
    "6": {"6": "6 @6 a6"},
    "I": {"I": "I I6 I@"},
    "i": {"i": "i i6 i@ ia"},
    "O": {"O": "O"},
    "o": {"o": "o OU"},
    "U": {"U": "U u"},
    "Y": {"Y": "Y Y6 y", "9": "9"},
    "p": {"p": "p _p !p pasp"},
    "b": {"b": "b _b !b basp B 8"},
    "t": {"t": "t _t !t tasp"},
    "d": {"d": "d _d !d dasp D"},
    "k": {"k": "k _k !k kasp"},
    "g": {"g": "g _g !g gasp gas G"},
    "f": {"f": "f"},
    "v": {"v": "v vv V"},
    "s": {"s": "s ss"},
    "z": {"z": "z"},
    "S": {"S": "S"},
    "C": {"C": "C", "j": "j J"},
    "x": {"x": "x X"},
    "h": {"h": "h H", "?": "?"},
    "m": {"m": "m mm"},
    "n": {"n": "n nn"},
    "N": {"N": "N NN"},
    "l": {"l": "l L"},
    "r": {"r": "4 R"},
}


ENGLISH = ("arpabet", "ipa", "xsampa")

# One word per phone in three notations, a flap apart: the same word is the same phones, whoever writes it.
WORDS = [
    # ARPABET, MFA's IPA, X-SAMPA, phones
    ("HH AH0 L OW1", "h ə l ow", "h @ l oU", "hh ah l ow"),
    ("B ER1 D", "b ɝ d", "b 3` d", "b er d"),
    ("CH AY1 L D", "tʃ aj ɫ d", "tS aI 5 d", "ch ay l d"),
    ("JH AH1 JH", "dʒ ɐ dʒ", "dZ V dZ", "jh ah jh"),
    ("DH IH1 NG K", "ð ɪ ŋ k", "D I N k", "dh ih ng k"),
    ("TH AO1 T", "θ ɒː t", "T O: t", "th aa t"),
    ("M EH1 ZH ER0", "m ɛ ʒ ɚ", "m E Z @`", "m eh sh er"),
    ("SH IY1", "ʃ iː", "S i:", "sh iy"),
    ("Y UW1", "j ʉː", "j u:", "y uw"),
    ("G UH1 D", "ɡ ʊ d", "g U d", "g uh d"),
    ("B OY1", "b ɔj", "b OI", "b oy"),
    ("K AW1", "kʰ aw", "k_h aU", "k aw"),
    ("K IY1", "cʰ iː", "k_h i:", "k iy"),
    ("N EY1 M", "n ej m", "n eI m", "n ey m"),
    ("V AE1 N", "v æ n", "v { n", "v ae n"),
    ("F AA1 DH ER0", "f ɑː d̪ ɚ", "f A: D @`", "f aa dh er"),
    ("W IH1 Z", "w ɪ z", "w I z", "w ih z"),
    ("R AE1 P S", "ɹ æ p s", "r\\ { p s", "r ae p s"),
]


def inverse(listing: dict[str, dict[str, str]]) -> dict[str, tuple[str, str] | None]:
    return {
        symbol: (unit, phone)
        for phone, units in listing.items()
        for unit, symbols in units.items()
        for symbol in symbols.split()
    }


def test_every_symbol_of_timit() -> None:
    fold = load_fold("timit")
    assert {symbol: fold.fold(symbol) for symbol in fold.symbols} == inverse(TIMIT) | {"q": None}


def test_the_counts_of_timit() -> None:
    fold = load_fold("timit")
    assert len(fold.symbols) == 61
    assert len(set(fold.symbols) - {"h#", "pau", "epi"}) == 58
    assert len(fold.units) == 48
    assert len(fold.classes) == 39
    assert len(fold.phones) == 38
    assert set(fold.classes) - set(fold.phones) == {fold.silence} == {"sil"}
    assert not fold.inside


def test_every_symbol_of_emodb() -> None:
    fold = load_fold("emodb")
    assert {symbol: fold.fold(symbol) for symbol in fold.symbols} == inverse(EMODB)
    assert (len(fold.symbols), len(fold.units), len(fold.phones)) == (91, 37, 32)
    assert fold.inside == {f"!{stop}" for stop in "ptkbdg"} | {f"{stop}asp" for stop in "ptkbdg"} | {"gas"}


@pytest.mark.parametrize("name", ["timit", "emodb", *ENGLISH])
def test_a_unit_belongs_to_one_phone(name: str) -> None:
    fold = load_fold(name)
    pairs = {fold.fold(symbol) for symbol in fold.symbols} - {None}
    assert len(pairs) == len(fold.units)


def test_a_fold_is_a_function() -> None:
    row = {"symbol": "aa", "unit": "aa", "phone": "aa"}
    with pytest.raises(InputError, match="'aa' has two rows.*a fold is a function"):
        _fold("bad", [row, row])


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(
        InputError, match="no such fold: 'kirshenbaum'; choose from arpabet, emodb, ipa, timit, xs"
    ):
        load_fold("kirshenbaum")
    with pytest.raises(InputError, match=r"fold timit: no such symbol: 'xx'; .*phones/data/timit.csv"):
        load_fold("timit").fold("xx")


def test_vowels_are_phones_of_the_fold() -> None:
    check_vowels(["aa", "ae", "iy", "ow", "uh"], load_fold("timit"))
    check_vowels(["a", "E", "i", "o", "U"], load_fold("emodb"))
    phones = re.escape(", ".join(load_fold("timit").phones))
    with pytest.raises(
        InputError, match=f"corpus.vowels: no phone of fold timit: ao, sil; choose from {phones}"
    ):
        check_vowels(["aa", "ao", "sil"], load_fold("timit"))


@pytest.mark.parametrize("name", ENGLISH)
def test_english_folds_to_timits_units_and_phones(name: str) -> None:
    fold, timit = load_fold(name), load_fold("timit")
    pairs = {fold.fold(symbol) for symbol in fold.symbols} - {None}
    assert pairs <= {timit.fold(symbol) for symbol in timit.symbols}
    assert fold.classes == timit.classes
    assert not fold.inside


@pytest.mark.parametrize("name", ENGLISH)
def test_what_aligners_write_where_no_phone_is(name: str) -> None:
    fold = load_fold(name)
    assert {fold.fold(symbol) for symbol in ("", "sil", "sp", "SIL")} == {("sil", "sil")}
    assert {fold.fold(symbol) for symbol in ("spn", "SPN", "NSN")} == {None}


@pytest.mark.parametrize(("place", "name"), list(enumerate(ENGLISH)))
def test_words_are_the_same_phones_in_every_notation(place: int, name: str) -> None:
    fold = load_fold(name)
    for word in WORDS:
        assert [pair[1] for pair in map(fold.fold, word[place].split()) if pair] == word[3].split()
    covered = {phone for word in WORDS for phone in word[3].split()}
    assert covered == set(load_fold("arpabet").phones) - {"dx"}


def test_arpabet_is_cmudicts_39_phones_with_stress() -> None:
    symbols = {symbol for symbol in load_fold("arpabet").symbols if symbol.isupper() or symbol[-1:].isdigit()}
    symbols -= {"SIL", "SPN", "NSN"} | set(BEYOND_CMUDICT)
    bare = {symbol.rstrip("012") for symbol in symbols}
    assert len(bare) == 39
    stressed = {symbol[:-1] for symbol in symbols if symbol[-1] in "012"}
    assert len(stressed) == 15
    assert symbols == bare | {vowel + digit for vowel in stressed for digit in "012"}


BEYOND_CMUDICT = ("AX", "AXR", "IX", "UX", "EL", "EM", "EN", "ENG", "NX", "DX", "HV", "Q")


@pytest.mark.parametrize("symbol", BEYOND_CMUDICT)
def test_the_rest_of_arpabet_is_timits(symbol: str) -> None:
    assert load_fold("arpabet").fold(symbol) == load_fold("timit").fold(symbol.lower())


def test_diacritics_of_the_ipa() -> None:
    # Unreleased, long, syllabic.
    fold = load_fold("ipa")
    assert fold.fold("t\u031a") == fold.fold("t")
    assert fold.fold("\u00e6\u02d0") == fold.fold("\u00e6")
    assert fold.fold("\u014b\u030d") == fold.fold("\u014b\u0329") == ("ng", "ng")


def test_every_phone_of_mfas_english_dictionaries() -> None:
    # The union of the dictionaries named in phones/data/README.md, as their descriptions list them.
    phones = (
        "a aj aw aː b bʲ c cʰ cʷ d dʒ dʲ d̪ e ej eː f fʲ fʷ h i iː j k kp kʰ kʷ l m mʲ m̩ n n̩ o ow oː p pʰ pʲ pʷ s "
        "t tʃ tʰ tʲ tʷ t̪ u uː v vʲ vʷ w z æ ç ð ŋ ɐ ɑ ɑː ɒ ɒː ɔ ɔj ɖ ə əw ɚ ɛ ɛː ɜ ɜː ɝ ɟ ɟʷ ɡ ɡb ɡʷ ɪ ɫ ɫ̩ ɱ ɲ ɹ "
        "ɾ ɾʲ ɾ̃ ʃ ʈ ʈʲ ʈʷ ʉ ʉː ʊ ʋ ʎ ʒ ʔ θ"
    )
    fold = load_fold("ipa")
    assert set(phones.split()) <= set(fold.symbols)
    assert fold.fold("ʔ") is None
    # However the cedilla is encoded.
    assert fold.fold("c\u0327") == fold.fold("\u00e7") == ("hh", "hh")


def test_a_mapping_adds_to_a_fold_and_overrules_it() -> None:
    fold = load_fold("xsampa", {"e": "eh", "p:": "sil", "bang": "", "ax": "ax"})
    assert [fold.fold(symbol) for symbol in ("e", "p:", "bang", "ax")] == [
        ("eh", "eh"),
        ("sil", "sil"),
        None,
        ("ax", "ah"),
    ]
    assert load_fold("xsampa").fold("e") == ("ey", "ey")
    with pytest.raises(
        InputError,
        match="corpus.mapping: fold timit has no such phone: 'xx' to 'AA', 'y' to 'zz'; choose from aa,",
    ):
        load_fold("timit", {"xx": "AA", "y": "zz", "z": "s"})
