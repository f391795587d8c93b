"""What a table is, which results may stand in it, and how it is written.

A table is a module of this folder with CAPTION (a sentence) and `build(results) -> DataFrame`, whose
index names the rows. Results of another corpus or scale never enter a column of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from speech_factorization.errors import InputError
from speech_factorization.files import read_json
from speech_factorization.reporting import (
    conversions,
    factorization,
    measures,
    representation,
    resynthesis,
    vowels,
)

__all__ = ["Results", "label", "leaf", "read_results", "render"]


@dataclass(frozen=True)
class Results:
    """metrics/*.json of one corpus and scale: NAME -> its nested numbers.

    left_out: NAME -> why it may not stand beside the others.
    """

    corpus: str
    scale: str
    metrics: Mapping[str, Mapping[str, Any]]
    left_out: Mapping[str, str]


def read_results(folder: Path, corpus: str, scale: str) -> Results:
    """Read every metrics file of `corpus`, `scale` and test data; the others are named with what they are.

    Errors: InputError for a file that is not JSON or does not say what it was measured on.
    """
    metrics: dict[str, Mapping[str, Any]] = {}
    left_out: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found = read_json(path)
            measured_on = (found["corpus"], found["scale"], found.get("scored", "test"))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"not a metrics file ({error!r})", path, "run dvc repro") from None
        if measured_on == (corpus, scale, "test"):
            metrics[path.stem] = found
        else:
            left_out[path.stem] = "corpus {}, scale {}, split {}".format(*measured_on)
    return Results(corpus, scale, metrics, left_out)


def leaf(nested: Mapping[str, Any], dotted: str) -> Any:
    """The value at a dotted key, or None where any part of it is missing."""
    value: Any = nested
    for key in dotted.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def label(name: str, nested: Mapping[str, Any]) -> str:
    """What a model's row is called: imported weights were trained on something else, and say so."""
    return f"{name}, {nested['weights']}" if "weights" in nested else name


def render(name: str, caption: str, table: pd.DataFrame, results: Results, folder: Path) -> None:
    """Write NAME.csv (all digits), NAME.md and NAME.tex (rounded, with the caption) into `folder`.

    Columns named in the `column_digits` of the modules of figures (measures.py, factorization.py ...) have their digits
    in every row, the others each value's own by its size.
    """
    table.to_csv(folder / f"{name}.csv", lineterminator="\n")
    said = f"{caption} Ours: corpus {results.corpus}, scale {results.scale}."
    named = (measures, factorization, representation, resynthesis, conversions, vowels)
    shown = {title: digits for module in named for title, digits in module.column_digits().items()}
    texts = {title: [_short(value, shown.get(str(title))) for value in table[title]] for title in table}
    rounded = pd.DataFrame(texts, index=table.index, columns=table.columns, dtype=object).reset_index()
    markdown = f"{said}\n\n{rounded.to_markdown(index=False, disable_numparse=True)}\n"
    (folder / f"{name}.md").write_text(markdown, encoding="utf-8")
    latex = rounded.to_latex(
        index=False,
        column_format="l" * table.index.nlevels + "r" * len(table.columns),
        caption=said.replace("_", r"\_").replace("^", r"\^{}"),
        label=f"tab:{name}",
        escape=True,
    )
    (folder / f"{name}.tex").write_text(latex, encoding="utf-8")


def _short(value: Any, digits: int | None) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        by_size = 4 if abs(value) < 0.1 else 3 if abs(value) < 10 else 1
        return f"{value:.{by_size if digits is None else digits}f}"
    return str(value)
