"""compare: what stages.collect wrote, over seeds, per setting, with the papers' claims.

    python -m stages.compare docs/results/NAME.csv

Writes docs/results/NAME.md beside it: per setting (reporting/settings.py says what one is) the mean and standard
deviation of every metric, then a verdict on each claim of the paper. Analysis-resynthesis and factor manipulation
each make a part (reporting/pages/), where there are two rows with their figures.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from speech_factorization.errors import InputError
from speech_factorization.files import new_file
from speech_factorization.reporting.pages import dynamical, factorization, glow, resynthesis
from speech_factorization.reporting.settings import SEED, by_setting, title

KINDS = (dynamical, factorization, glow, resynthesis)
REMEDY = "write it with python -m stages.collect docs/results/NAME.csv"


def read(path: Path) -> pd.DataFrame:
    """The rows, as text. Errors: one InputError for a file that has too few."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError("no such file", path, REMEDY) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())})", path, REMEDY) from None
    tops = [kind.TOP for kind in KINDS if kind.TOP in table]
    lacking = [name for name in ("experiment", "model") if name not in table]
    lacking += [] if tops else [" or ".join(kind.TOP for kind in KINDS)]
    if lacking:
        raise InputError(f"no column {', '.join(lacking)}", path, REMEDY)
    if max(len(_of(kind, table)) for kind in KINDS) < 2:
        count = max(int((table[top] != "").sum()) for top in tops)
        raise InputError(
            f"{count} row{'s' * (count != 1)} with {' or '.join(tops)}, nothing to compare",
            path,
            "run more seeds or models, then collect again",
        )
    return table


def _value(path: Path, row: "pd.Series[Any]", key: str) -> float | str | None:
    text = row.get(key, "")
    try:
        return float(text) if text not in ("", "null") else None
    except ValueError:
        what = f"{key} of experiment {row['experiment']}, model {row['model']}, is no number: {text!r}"
        raise InputError(what, path, REMEDY) from None


def page(path: Path) -> str:
    """The Markdown text. Errors: InputError for a file that cannot be compared."""
    table = read(path)
    on = "".join(f", {name} {table[name][0]}" for name in ("corpus", "scale") if _one(table, name))
    seeds = "" if SEED in table else f" There is no column {SEED}: one seed."
    made = (
        f"Made of {path.name} by `python -m stages.compare`{on}. Mean +- standard deviation (n - 1) over "
        f"seeds.{seeds}"
    )
    parts = [f"# {path.stem}"]
    for kind in KINDS:
        rows = _of(kind, table)
        if len(rows) > 1:
            first, *rest = kind.INTRODUCTION
            parts += [f"{made} {first}", *rest]
            found = [
                (setting, kind.results(of, partial(_value, path))) for setting, of in by_setting(rows, path)
            ]
            over = kind.overview(found)
            parts += [] if over is None else ["## All settings", _markdown(over)]
            for setting, members in found:
                parts += [f"## {title(setting)}", *map(_markdown, kind.tables(members))]
    return "\n\n".join(parts) + "\n"


def _of(kind: Any, table: pd.DataFrame) -> pd.DataFrame:
    """The rows a page of this kind is made of."""
    return table[table.get(kind.TOP, pd.Series("", table.index)) != ""].reset_index(drop=True)


def _one(table: pd.DataFrame, name: str) -> bool:
    return name in table and table[name].nunique() == 1


def _markdown(table: pd.DataFrame | str) -> str:
    return table if isinstance(table, str) else str(table.to_markdown(index=False, disable_numparse=True))


def main(arguments: list[str]) -> int:
    """Write the page; returns the exit status."""
    if len(arguments) != 1 or Path(arguments[0]).suffix != ".csv":
        print("usage: python -m stages.compare docs/results/NAME.csv", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        text = page(path)
    except InputError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    with new_file(path.with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")
    print(f"compare: {path.with_suffix('.md')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
