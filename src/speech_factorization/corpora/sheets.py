"""Tables that people write: CSV with the names of the columns on the first line."""

import csv
import io
import unicodedata
from pathlib import Path

from speech_factorization.errors import InputError

__all__ = ["read_csv", "read_sexes"]

_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "": ""}


def read_sexes(path: Path) -> dict[str, str]:
    """Speaker (NFC) -> "F", "M" or "" from a CSV with the columns speaker and sex.

    sex: f, female, m, male in any case, or empty. Error: what is wrong, with the line.
    """
    sexes: dict[str, str] = {}
    for line, row in read_csv(path, ("speaker", "sex")):
        sex = _SEXES.get(row["sex"].lower())
        if sex is None:
            raise InputError(f"no sex: {row['sex']!r}", f"{path}, line {line}", "write F, M or nothing")
        speaker = unicodedata.normalize("NFC", row["speaker"])
        if sexes.setdefault(speaker, sex) != sex:
            raise InputError(f"{speaker!r} has two sexes", f"{path}, line {line}", "keep one row")
    return sexes


def read_csv(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a table with their line numbers, values stripped; other columns come along.

    Error: missing, unreadable, not UTF-8, malformed, a column is missing.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if "\0" in text:
            raise InputError("the table has NUL characters", path, "save it as text: CSV in UTF-8")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [name.strip() for name in next(lines, [])]
        absent = [name for name in columns if name not in header]
        if absent:
            there = ", ".join(header) or "none"
            raise InputError(
                f"no column {' or '.join(absent)} (there are: {there})",
                path,
                f"write the names of the columns on the first line: {','.join(columns)}",
            )
        if len(set(header)) < len(header):
            raise InputError(f"two columns have one name: {', '.join(header)}", path, "rename one")
        rows = []
        for fields in lines:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                raise InputError(
                    f"{len(fields)} values for {len(header)} columns",
                    f"{path}, line {lines.line_num}",
                    'put a value with a comma in it in quotes: "yes, I do"',
                )
            values = (value.strip() for value in fields)
            rows.append((lines.line_num, dict(zip(header, values, strict=True))))
    except OSError as error:
        raise InputError(f"the table cannot be read ({error.strerror})", path, "correct its path") from None
    except UnicodeDecodeError as error:
        raise InputError(
            "the table is not UTF-8", f"{path}, byte {error.start}", "convert it: iconv -f latin1 -t utf-8"
        ) from None
    except csv.Error as error:
        raise InputError(f"the table is malformed ({error})", f"{path}, line {lines.line_num}") from None
    return rows
