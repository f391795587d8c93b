"""Words to phones: a pronunciation lexicon, and espeak-ng for the words it does not have.

CMUdict (cmudict.dict or cmudict-0.7b, https://github.com/cmusphinx/cmudict, BSD-2-Clause) is other people's data
and not part of this project: the user downloads it and gives its path. Without a path every word is espeak-ng's.

Formats, line by line, fields separated by spaces or tabs:
    CMUdict          WORD PHONE PHONE ..., alternatives as WORD(2); ;;; and # begin comments
    Kaldi            lexicon.txt: WORD PHONE ...; lexiconp.txt: WORD PROBABILITY PHONE ...
    MFA              WORD, up to four probabilities, PHONE ...
A probability has a point or an exponent: "1.0", "1e-05"; "3" and "4" are phones (of X-SAMPA).
Of several pronunciations the most probable counts, of equals the first.
"""

import re
from pathlib import Path

from speech_factorization.errors import InputError
from speech_factorization.phones.espeak import Speller
from speech_factorization.phones.folds import load_fold

__all__ = ["Lexicon"]

_ALTERNATIVE = re.compile(r"(.+)\(\d+\)")
_PROBABILITY = re.compile(r"\d*\.\d+(e[+-]?\d+)?|\d+e[+-]?\d+", re.IGNORECASE)
_MARKER = re.compile(r"[<\[({!].*")
"""<unk>, [noise], {laugh}, !SIL: no words, in a lexicon or not at all."""


class Lexicon:
    """Pronunciations of words whatever their case.

    entries: word in lower case -> phones as the file writes them. falls_back: whether espeak-ng, which gives
    ARPABET, answers for other words: where the file's phones are ARPABET too, else symbols would be mixed.
    """

    def __init__(self, entries: dict[str, tuple[str, ...]]) -> None:
        arpabet = load_fold("arpabet").table
        self.entries = entries
        self.falls_back = all(phone in arpabet for phones in entries.values() for phone in phones)
        self._speller = Speller()
        self._spelt: dict[str, tuple[str, ...] | None] = {}

    @classmethod
    def load(cls, path: Path | None) -> "Lexicon":
        """The lexicon of this file, or one without entries.

        Errors: the file is missing, unreadable or empty, a line has no phones.
        """
        return cls({} if path is None else _read(path))

    def look_up(self, word: str) -> tuple[str, ...] | None:
        """The phones of a word: the lexicon's, else espeak-ng's, else None (no word, or no way to speak it).

        Error: espeak-ng is needed and not installed.
        """
        word = word.strip().lower().replace("\u2019", "'")
        if word in self.entries:
            return self.entries[word]
        if not self.falls_back or _MARKER.match(word):
            return None
        if word not in self._spelt:
            self._spelt[word] = self._speller.spell(word)
        return self._spelt[word]


def _read(path: Path) -> dict[str, tuple[str, ...]]:
    """word in lower case -> its most probable pronunciation."""
    found: dict[str, tuple[float, tuple[str, ...]]] = {}
    for number, line in enumerate(_text(path).split("\n"), start=1):
        fields = _fields(line)
        if not fields:
            continue
        word, probability, phones = _entry(fields)
        if not phones:
            raise InputError(
                f"{fields[0]!r} has no phones", f"{path}, line {number}", "write: word phone phone ..."
            )
        if word not in found or probability > found[word][0]:
            found[word] = probability, phones
    if not found:
        raise InputError("the lexicon has no words", path, "download it again")
    return {word: phones for word, (_, phones) in found.items()}


def _fields(line: str) -> list[str]:
    """The fields of a line without its comment."""
    if line.lstrip().startswith(";;;"):
        return []
    fields = line.split()
    comment = next((place for place, field in enumerate(fields) if field.startswith("#")), len(fields))
    return fields[:comment]


def _entry(fields: list[str]) -> tuple[str, float, tuple[str, ...]]:
    """Word in lower case, probability (1 where none is given), phones."""
    alternative = _ALTERNATIVE.fullmatch(fields[0])
    word = alternative[1] if alternative else fields[0]
    place = 1
    while place < len(fields) and _PROBABILITY.fullmatch(fields[place]):
        place += 1
    return word.lower(), float(fields[1]) if place > 1 else 1.0, tuple(fields[place:])


def _text(path: Path) -> str:
    """UTF-8, or Latin-1 as older copies of CMUdict are."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the lexicon cannot be read ({error.strerror})",
            path,
            "check the path, or download CMUdict: https://github.com/cmusphinx/cmudict",
        ) from None
    if b"\0" in content:
        raise InputError("the lexicon is no text", path, "unpack it, or give its path")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
