"""Folds: from a corpus's own phone symbols to alignment units and phone classes, kept as data."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from speech_factorization.errors import InputError

__all__ = ["Fold", "check_vowels", "load_fold"]


@dataclass(frozen=True)
class Fold:
    """A function from symbols to (unit, phone): units are aligned, phones are modelled and scored.

    table: symbol -> (unit, phone), or None for a symbol that is dropped.
    inside: symbols that go on with the unit before them (release and aspiration of a stop).
    """

    name: str
    table: MappingProxyType[str, tuple[str, str] | None]
    inside: frozenset[str]
    silence: str = "sil"

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols of the corpus, dropped ones too, sorted."""
        return tuple(sorted(self.table))

    @property
    def units(self) -> tuple[str, ...]:
        """Alignment units, silences too, sorted."""
        return tuple(sorted({pair[0] for pair in self.table.values() if pair}))

    @property
    def classes(self) -> tuple[str, ...]:
        """Phone classes, silence too, sorted."""
        return tuple(sorted({pair[1] for pair in self.table.values() if pair}))

    @property
    def phones(self) -> tuple[str, ...]:
        """Phone classes without silence, sorted."""
        return tuple(phone for phone in self.classes if phone != self.silence)

    def fold(self, symbol: str) -> tuple[str, str] | None:
        """Unit and phone of a symbol, None if it is dropped. Error: a symbol the fold does not know."""
        if symbol not in self.table:
            raise InputError(f"no such symbol: {symbol!r}", f"fold {self.name}", self.remedy)
        return self.table[symbol]

    @property
    def remedy(self) -> str:
        """What to do about a symbol the fold does not know."""
        return (
            "correct the label, map it (corpus.mapping: {symbol: phone}), "
            f"or add the symbol to phones/data/{self.name}.csv"
        )


def load_fold(name: str, extra: Mapping[str, str] | None = None) -> Fold:
    """The fold of this name among the data files, with the user's own symbols.

    extra: symbol -> unit or phone of the fold, or "" to drop it; it goes before what the file says.
    Errors: no such fold, naming those there are; a symbol mapped to what the fold does not have.
    """
    fold = _load(name)
    if not extra:
        return fold
    phone_of = {pair[0]: pair[1] for pair in fold.table.values() if pair}
    strange = {symbol: phone for symbol, phone in extra.items() if phone and phone not in phone_of}
    if strange:
        said = ", ".join(f"{symbol!r} to {phone!r}" for symbol, phone in strange.items())
        raise InputError(
            f"fold {name} has no such phone: {said}",
            "corpus.mapping",
            f'choose from {", ".join(fold.units)}, or "" to drop the symbol',
        )
    own = {symbol: (phone, phone_of[phone]) if phone else None for symbol, phone in extra.items()}
    table = MappingProxyType({**fold.table, **own})
    return Fold(name, table, fold.inside - extra.keys(), fold.silence)


@cache
def _load(name: str) -> Fold:
    folder = resources.files("speech_factorization.phones") / "data"
    folds = sorted(file.name.removesuffix(".csv") for file in folder.iterdir() if file.name.endswith(".csv"))
    if name not in folds:
        raise InputError(f"no such fold: {name!r}", "corpus.fold", f"choose from {', '.join(folds)}")
    text = (folder / f"{name}.csv").read_text(encoding="utf-8")
    return _fold(name, csv.DictReader(text.splitlines()))


def _fold(name: str, rows: Iterable[dict[str, Any]]) -> Fold:
    table: dict[str, tuple[str, str] | None] = {}
    inside = set()
    for row in rows:
        symbol = row["symbol"]
        if symbol in table:
            raise InputError(
                f"{symbol!r} has two rows", f"phones/data/{name}.csv", "keep one: a fold is a function"
            )
        table[symbol] = (row["unit"], row["phone"]) if row["unit"] else None
        if row.get("part") == "inside":
            inside.add(symbol)
    return Fold(name, MappingProxyType(table), frozenset(inside))


def check_vowels(vowels: Iterable[str], fold: Fold) -> None:
    """Error: the corpus group names a vowel that is no phone of its fold; says which phones there are."""
    strange = [vowel for vowel in vowels if vowel not in fold.phones]
    if strange:
        raise InputError(
            f"no phone of fold {fold.name}: {', '.join(strange)}",
            "corpus.vowels",
            f"choose from {', '.join(fold.phones)}",
        )
