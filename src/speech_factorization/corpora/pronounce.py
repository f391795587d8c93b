"""Words to phone labels, in corpora whose transcripts are all they say of phones.

No label has times: boundaries come by forced alignment, with alignment.pauses optional.
"""

from collections.abc import Sequence
from pathlib import Path

from speech_factorization.corpora.base import Label
from speech_factorization.corpora.faults import Fault
from speech_factorization.phones.lexicon import Lexicon

__all__ = ["SILENCE", "find_lexicon", "pronounce"]

SILENCE = "sil"
"""The symbol at the ends of an utterance and between its words."""


def find_lexicon(named: str, source: Path) -> Lexicon:
    """The lexicon of this file, its path from the corpus's folder on; where none is named espeak-ng's words alone.

    Error: as `Lexicon.load`.
    """
    return Lexicon.load(source / named if named else None)


def pronounce(
    words: Sequence[str], lexicon: Lexicon, transcript: Path, line: int, parameter: str
) -> tuple[Label, ...]:
    """The phones of the words with silence around each, without times.

    transcript, line: where the words stand; parameter: where the lexicon is named. Fault: a word nobody can
    pronounce.
    """
    symbols = [SILENCE]
    for word in words:
        phones = lexicon.look_up(word)
        if not phones:
            remedy = f"add it to a lexicon and name that in {parameter}"
            raise Fault("a word has no pronunciation", transcript, f"line {line}: {word}", remedy)
        symbols += [*phones, SILENCE]
    return tuple(Label(symbol, None, None) for symbol in symbols)
