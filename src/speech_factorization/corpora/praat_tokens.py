"""The words of Praat's text files: numbers, texts and flags; see `praat`."""

import codecs
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from speech_factorization.corpora.faults import Fault

__all__ = ["EXPORT", "Tokens", "shorten"]

EXPORT = "in Praat: Save as text file..."
"""What to do with a file that is not as it should be."""

_TOKEN = re.compile(
    r'(?P<text>"[^"]*(?:""[^"]*)*"(?!\S))|(?P<comment>![^\n]*)|(?P<flag><[^>\s]*>(?!\S))|(?P<word>\S+)'
)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def _decode(path: Path) -> str:
    """The file as text with \\n at the end of lines."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        remedy = "copy it, or use the sound where no labels are needed"
        raise Fault("the label file is missing", path, "", remedy) from None
    except OSError as error:
        cause = error.strerror or str(error)
        raise Fault("the label file is unreadable", path, cause, "check its permissions") from None
    if not data.strip():
        raise Fault("the label file is empty", path, "", "copy it again, or export it again")
    if data.startswith(b"ooBinaryFile"):
        raise Fault("the TextGrid is binary", path, "byte 0", EXPORT)
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Fault(
            "the label file is neither UTF-8 nor UTF-16",
            path,
            f"byte {error.start}",
            f"convert it: iconv -f latin1 -t utf-8, or save it anew ({EXPORT})",
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Fault("the label file has NUL characters", path, f"line {line}", f"save it anew ({EXPORT})")
    return text


class Tokens:
    """The texts, numbers and flags of a file one after the other; what is not as expected is a Fault.

    line: where the token that was read last begins.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.line = path, 1
        self._rest = self._scan(_decode(path))

    def _scan(self, text: str) -> Iterator[str | float]:
        place = 0
        for match in _TOKEN.finditer(text):
            self.line += text.count("\n", place, match.start())
            place = match.start()
            token = match[0]
            if match.lastgroup in ("text", "flag"):
                yield token
            elif match.lastgroup == "word" and '"' in token:
                self.fail("a quote inside a text is not written twice, or has no partner", shorten(token))
            elif match.lastgroup == "word" and token[0] in "+-.0123456789":
                yield self._number(token)

    def _number(self, token: str) -> float:
        value = float(token) if _NUMBER.fullmatch(token) else math.nan
        if not math.isfinite(value):
            self.fail("a number is malformed", shorten(token))
        return value

    def fail(self, what: str, place: str) -> NoReturn:
        """What is wrong with the token read last."""
        raise Fault(f"the TextGrid is malformed: {what}", self.path, f"line {self.line}: {place}", EXPORT)

    def _next(self, wanted: str) -> str | float:
        token = next(self._rest, None)
        if token is None:
            place = f"line {self.line}: no {wanted}"
            raise Fault("the TextGrid is cut short", self.path, place, "copy it again")
        return token

    def text(self, wanted: str) -> str:
        """The next token, which has to be a text."""
        token = self._next(wanted)
        if isinstance(token, float) or token[0] != '"':
            self.fail("something else where a text has to be", f"{shorten(token)} for {wanted}")
        return " ".join(token[1:-1].replace('""', '"').split())

    def number(self, wanted: str) -> float:
        """The next token, which has to be a number."""
        token = self._next(wanted)
        if not isinstance(token, float):
            self.fail("something else where a number has to be", f"{shorten(token)} for {wanted}")
        return token

    def flag(self) -> str:
        """<exists> or <absent>."""
        token = self._next("flag whether there are tiers")
        if token not in ("<exists>", "<absent>"):
            self.fail("neither <exists> nor <absent>", shorten(token))
        return str(token)

    def span(self, wanted: str) -> tuple[float, float, int]:
        """Two times, the first before the second, and the line of the first."""
        begin, line = self.number(f"beginning of {wanted}"), self.line
        end = self.number(f"end of {wanted}")
        if end <= begin:
            self.fail("times run backwards", f"{wanted} from {begin} s to {end} s")
        return begin, end, line

    def count(self, wanted: str) -> int:
        """How many there are of something."""
        number = self.number(f"number of {wanted}")
        if number < 0 or number != int(number):
            self.fail("a number of things is none", f"{number} {wanted}")
        return int(number)

    def finish(self) -> None:
        """Fault: something is left."""
        token = next(self._rest, None)
        if token is not None:
            self.fail("it goes on where it should end", shorten(token))


def shorten(token: str | float) -> str:
    """A token as a message shows it."""
    text = str(token)
    return repr(text if len(text) <= 40 else text[:37] + "...")
