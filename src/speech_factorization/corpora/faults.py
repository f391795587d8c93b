"""A fault in one file: an error where the file stands alone, a refusal where a reader goes on without it."""

from pathlib import Path
from typing import Literal

from speech_factorization.corpora.base import Refusal
from speech_factorization.errors import InputError

__all__ = ["Fault"]


class Fault(InputError):
    """What is wrong with one file.

    reason: short and the same for every file with this fault, so that faults can be counted.
    place: where in the file, with the figures at fault ("line 7: 0.1 s after 0.2 s"); may be empty.
    """

    def __init__(self, reason: str, file: Path, place: str, remedy: str) -> None:
        super().__init__(reason, f"{file}, {place}" if place else file, remedy)
        self.reason, self.file, self.place, self.remedy = reason, file, place, remedy

    def refusal(self, utterance: str, of: Literal["utterance", "labels"], source: Path) -> Refusal:
        """The same as a refusal, its file named from the corpus's folder `source`."""
        file = self.file.relative_to(source) if self.file.is_relative_to(source) else self.file
        return Refusal(utterance, of, file.as_posix(), self.place, self.reason, self.remedy)
