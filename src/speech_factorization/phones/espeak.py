"""espeak-ng's pronunciation of one word in ARPABET, for words no lexicon has.

The library (GPL-3) is loaded by a process of its own alone, which ends with its `Speller`.
"""

import csv
import importlib.util
import json
import os
import subprocess
import sys
import threading
import unicodedata
import weakref
from functools import cache
from importlib import resources
from pathlib import Path

from speech_factorization.errors import InputError
from speech_factorization.phones import spell

__all__ = ["Speller", "arpabet"]

_STRESS = "',%="
"""Marks before a phone: ' (doubled for emphasis) primary, a comma secondary, % and = none."""

LONGEST = 100
"""Letters: what is longer is no word."""

_WEAK = {"a": ("AH0",)}
"""Words that espeak-ng, asked for one alone, takes for the name of a letter."""


class Speller:
    """espeak-ng, started at the first word; safe for threads, to be made anew in every process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def spell(self, word: str) -> tuple[str, ...] | None:
        """ARPABET with stress digits, as CMUdict writes it; None for what is no word in Latin letters or digits.

        Error: espeak-ng is not installed, or cannot be started.
        """
        word = word.lower()
        if word in _WEAK:
            return _WEAK[word]
        if not _is_spelt(word):
            return None
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = _start(word)
                weakref.finalize(self, _end, self._process)
            answer = _ask(self._process, word)
        return None if answer is None else arpabet(answer)


def arpabet(phones: list[str]) -> tuple[str, ...] | None:
    """espeak-ng's mnemonics with stress marks as ARPABET with stress digits; None if one is unknown or none left.

    Of a mnemonic that is two vowels the first has its stress.
    """
    found: list[str] = []
    for marked in phones:
        mnemonic = marked.lstrip(_STRESS)
        marks = marked[: len(marked) - len(mnemonic)]
        if mnemonic not in _mnemonics():
            return None
        stress = "1" if "'" in marks else "2" if "," in marks else "0"
        for phone in _mnemonics()[mnemonic]:
            vowel = phone[0] in "AEIOU"
            found.append(phone + stress if vowel else phone)
            stress = "0" if vowel else stress
    return tuple(found) or None


@cache
def _mnemonics() -> dict[str, tuple[str, ...]]:
    """espeak-ng's mnemonics of American English -> ARPABET without stress; pauses and glides -> nothing."""
    text = (resources.files(__package__) / "espeak.csv").read_text(encoding="utf-8")
    return {row["mnemonic"]: tuple(row["phones"].split()) for row in csv.DictReader(text.splitlines())}


def _is_spelt(word: str) -> bool:
    """Whether it is a word in Latin letters or digits: of others espeak-ng gives the names of the characters."""
    letters = [letter for letter in word if letter not in "'-."]
    return 0 < len(letters) <= LONGEST and all(
        letter in "0123456789" or unicodedata.name(letter, "").startswith("LATIN ") for letter in letters
    )


def _start(word: str) -> "subprocess.Popen[str]":
    if importlib.util.find_spec("espeakng_loader") is None:
        raise InputError(
            "it is in no lexicon, and espeak-ng is not installed",
            f"the word {word!r}",
            "run make, or pip install '.[embedded]', or give a lexicon that has every word",
        )
    import espeakng_loader

    library = str(Path(espeakng_loader.get_library_path()).resolve())
    process = subprocess.Popen(
        [os.path.abspath(sys.executable), "-P", spell.__file__, library],
        cwd=Path(espeakng_loader.get_data_path()).resolve().parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a pipe that nobody reads would stop it once full
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    if said != "ready\n":
        process.communicate()
        raise InputError(f"espeak-ng does not start ({said.strip()})", "espeakng_loader", "install it again")
    return process


def _ask(process: "subprocess.Popen[str]", word: str) -> list[str] | None:
    """The phones of one word; None if the process ended over it."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(word) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except BrokenPipeError:
        return None
    return list(json.loads(answer)) if answer.endswith("\n") else None


def _end(process: "subprocess.Popen[str]") -> None:
    """Let the process finish and close its pipes."""
    try:
        process.communicate(timeout=5)
    except (subprocess.TimeoutExpired, ValueError, OSError):
        process.kill()
        process.communicate()
