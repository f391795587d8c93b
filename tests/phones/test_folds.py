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


@pytest.mark.parametrize("name", ["timit", "emodb"])
def test_a_unit_belongs_to_one_phone(name: str) -> None:
    fold = load_fold(name)
    pairs = {fold.fold(symbol) for symbol in fold.symbols} - {None}
    assert len(pairs) == len(fold.units)


def test_a_fold_is_a_function() -> None:
    row = {"symbol": "aa", "unit": "aa", "phone": "aa"}
    with pytest.raises(InputError, match="'aa' has two rows.*a fold is a function"):
        _fold("bad", [row, row])


def test_unknown_names_say_what_there_is() -> None:
    with pytest.raises(InputError, match="no such fold: 'arpabet'; choose from emodb, timit"):
        load_fold("arpabet")
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
