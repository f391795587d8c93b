"""A fault in one file: an error where the file stands alone, a refusal where a reader goes on without it."""

from pathlib import Path
from typing import Literal

from speech_factorization.corpora.base import Refusal
from speech_factorization.errors import InputError

__all__ = ["Fault", "read_lines"]


class Fault(InputError):
    """What is wrong with one file.

    reason: short and the same for every file with this fault, so that faults can be counted.
    place: where in the file, with the figures at fault ("line 7: 0.1 s after 0.2 s"); may be empty.
    """

    def __init__(self, reason: str, file: Path, place: str, remedy: str) -> None:
        super().__init__(reason, f"{file}, {place}" if place else file, remedy)
        self.reason, self.file, self.place, self.remedy = reason, file, place, remedy

    def __reduce__(self) -> tuple[type["Fault"], tuple[str, Path, str, str]]:
        # It comes from other processes too.
        return Fault, (self.reason, self.file, self.place, self.remedy)

    def refusal(self, utterance: str, of: Literal["utterance", "labels"], source: Path) -> Refusal:
        """The same as a refusal, its file named from the corpus's folder `source`."""
        file = self.file.relative_to(source) if self.file.is_relative_to(source) else self.file
        return Refusal(utterance, of, file.as_posix(), self.place, self.reason, self.remedy)


def read_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a label file that are not blank, stripped, with their numbers from 1.

    Fault: the file is missing or unreadable.
    """
    try:
        text = path.read_bytes().decode("latin-1")
    except FileNotFoundError:
        raise Fault(
            "the label file is missing", path, "", "copy it, or use it where no labels are needed"
        ) from None
    except OSError as error:
        cause = error.strerror or str(error)
        raise Fault("the label file is unreadable", path, cause, "check its permissions") from None
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
