"""Which file of a Kaldi data directory the phones and words come from, and what no utterance can be found for."""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from speech_factorization.corpora.base import SAMPLE_RATE, Label, Word
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.kaldi_ali import Alignments
from speech_factorization.corpora.kaldi_ctm import Ctm
from speech_factorization.errors import InputError

__all__ = ["Times", "strip_position"]

_POSITION = re.compile(r"(.+)_[BEIS]")


def strip_position(symbol: str) -> str:
    """AH0_B, AH0_E, AH0_I and AH0_S (where in its word a phone stands) as AH0."""
    match = _POSITION.fullmatch(symbol)
    return match[1] if match else symbol


class Times:
    """Phones from a CTM or from alignments, words from a CTM; names are empty where there is none.

    Parameters are those of the reader's `Settings`. Error: both kinds of phone times, a file is not there.
    """

    def __init__(
        self,
        source: Path,
        ctm: str,
        words: str,
        ali: str,
        phones: str,
        shift: float,
        positions: bool,
        root: str,
    ) -> None:
        if ctm and ali:
            raise InputError("two sources of phone times", "readers.kaldi.ctm, readers.kaldi.ali", "keep one")
        self._phones: Ctm | Alignments | None = None
        if ctm:
            self._phones = Ctm(source / ctm)
        elif ali:
            self._phones = Alignments(ali, phones, shift, source, root)
        self._words = Ctm(source / words) if words else None
        self._slack = round(shift * SAMPLE_RATE)
        self._positions = positions

    def faults(self, utterances: Collection[str]) -> Iterator[tuple[str, Fault]]:
        """(name, fault) of what is lost before any utterance is read."""
        if isinstance(self._phones, Alignments):
            yield from ((fault.file.name, fault) for fault in self._phones.faults)
        known = set(utterances)
        for times in (self._phones, self._words):
            strange = [name for name in times.names() if name not in known] if times else []
            if times and strange:
                place = f"{len(strange)} of them, {strange[0]} first"
                remedy = "times are found by utterance: name utterances, not recordings"
                yield strange[0], Fault("times of no utterance", times.path, place, remedy)

    def labels(self, utterance: str, samples: int) -> tuple[Label, ...]:
        """The phones of one utterance. Fault: as `Ctm.spans` and `Alignments.labels`, or it has none."""
        if self._phones is None:
            return ()
        self._need(self._phones, utterance)
        if isinstance(self._phones, Alignments):
            found = self._phones.labels(utterance, samples)
        else:
            spans = self._phones.spans(utterance, samples, self._slack)
            found = tuple(Label(span.symbol, span.begin, span.end) for span in spans)
        if not self._positions:
            return found
        return tuple(replace(label, symbol=strip_position(label.symbol)) for label in found)

    def words(self, utterance: str, samples: int) -> tuple[Word, ...]:
        """The words of one utterance. Fault: as `Ctm.spans`, or it has none."""
        if self._words is None:
            return ()
        self._need(self._words, utterance)
        spans = self._words.spans(utterance, samples, self._slack, overlap=True)
        return tuple(Word(span.symbol, span.begin, span.end) for span in spans)

    def _need(self, times: Ctm | Alignments, utterance: str) -> None:
        if utterance not in times:
            remedy = "align it, or use it where no labels are needed"
            raise Fault("the utterance has no times", times.path, f"no line {utterance}", remedy)
