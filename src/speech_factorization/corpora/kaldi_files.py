"""The text files of a Kaldi data directory: a name at the start of each line, what belongs to it after it."""

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field
from pathlib import Path

from speech_factorization.corpora.faults import Fault

__all__ = ["Table", "find", "load_table", "printable", "seconds"]

_SECONDS = re.compile(r"\d{1,7}(?:\.\d{0,12})?", re.ASCII)

_REMEDY = "correct it, or run Kaldi's utils/fix_data_dir.sh"


@dataclass(frozen=True)
class Table:
    """One file, name -> line number and value; what is wrong with a name's line stands in `faults`.

    there: whether there is such a file; without one there are no names.
    """

    path: Path
    there: bool = True
    entries: dict[str, tuple[int, str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.entries or name in self.faults

    def names(self) -> list[str]:
        """All names, sorted; those with faults too."""
        return sorted(self.entries.keys() | self.faults.keys())

    def value(self, name: str) -> str:
        """What stands after the name. Fault: there is no such line, or a bad one."""
        return self.entry(name)[1]

    def entry(self, name: str) -> tuple[int, str]:
        """The number of the line, and what stands after the name; Fault as above."""
        if name in self.faults:
            raise self.faults[name]
        if name not in self.entries:
            raise Fault("a name is missing", self.path, f"no line {name}", "add it, or leave the name out")
        return self.entries[name]

    def fault(self, name: str, reason: str, remedy: str) -> Fault:
        """A fault in the line of this name."""
        number, value = self.entries[name]
        return Fault(reason, self.path, f"line {number}: {printable(f'{name} {value}')[:120]}", remedy)


def load_table(path: Path, empty: bool = False) -> Table:
    """Read a file of lines "name value"; empty: whether a name may stand alone.

    Blank lines do not count, order is free, a line that comes twice counts once. A line that is not UTF-8,
    has a name with control characters, lacks its value or contradicts another line is a fault of that name.
    Fault: the file is there and cannot be read.
    """
    if path.exists() and not path.is_file():
        raise Fault("no file of text", path, "", "replace it by a file, or remove it")
    try:
        lines = path.read_bytes().removeprefix(BOM_UTF8).split(b"\n")
    except FileNotFoundError:
        return Table(path, there=False)
    except OSError as error:
        raise Fault("the file is unreadable", path, error.strerror or str(error), "check it") from None
    table = Table(path)
    for number, line in enumerate(lines, start=1):
        text = line.decode("utf-8", errors="backslashreplace")
        name, _, value = text.strip().replace("\t", " ").partition(" ")
        # Any white space ends a name: tables and archives hold none.
        name, *rest = name.split(maxsplit=1) or [""]
        value = " ".join([*rest, value]).strip()
        if name:
            _add(table, number, name, value, _wrong(line, name, value, empty))
    return table


def _add(table: Table, number: int, name: str, value: str, wrong: str) -> None:
    if not wrong and name in table.entries and table.entries[name][1] != value:
        wrong = "a name has two different lines"
    if not wrong:
        table.entries.setdefault(name, (number, value))
    elif name not in table.faults:
        place = f"line {number}: {printable(f'{name} {value}')[:120]}"
        table.faults[name] = Fault(wrong, table.path, place, _REMEDY)


def _wrong(line: bytes, name: str, value: str, empty: bool) -> str:
    """What is wrong with a line by itself, or nothing."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "a line is not UTF-8"
    if not name.isprintable() or "\0" in value:
        return "a line has control characters"
    return "" if value or empty else "a line holds only a name"


def printable(text: str) -> str:
    """The same on one line, control characters escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def find(name: str, source: Path, root: str) -> Path:
    """A file that a data directory names.

    An absolute name is taken as it is. A relative one starts from `root`; where that is empty from the data
    directory, or, if there is no such file, from two folders above, where Kaldi's recipes run (data/train).
    """
    if root:
        return Path(root) / name
    near, far = source / name, source.absolute().parent.parent / name
    try:
        return far if not near.exists() and far.exists() else near
    except (OSError, ValueError):
        return near


def seconds(text: str) -> float | None:
    """A time such as 12.345, None where the text is none: what is negative, no number, or over 115 days."""
    return float(text) if _SECONDS.fullmatch(text) else None
