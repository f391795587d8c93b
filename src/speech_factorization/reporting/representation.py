"""Figures of what codes hold, as rows by model and code: what is read of each factor, how far classes lie apart."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from speech_factorization.reporting.factorization import in_order

__all__ = ["CHANCE", "by_code", "column_digits", "columns"]

CHANCE = "chance"

# Those a corpus has: phone and speaker always, others where corpus.factors names them.
FACTORS = ("phone", "speaker", "emotion", "sex")
CODES = ("z", *(f"z_{factor}" for factor in FACTORS), "z_rest")

# Title of a column -> key in metrics/MODEL.json.
READ = {"{factor}, linear": "leak.{factor}_from_{code}", "{factor}, MLP": "leak_mlp.{factor}_from_{code}"}
APART = {
    "{factor}, F-ratio": "separation.{factor}.{code}.f_ratio",
    "{factor}, silhouette": "separation.{factor}.{code}.silhouette",
}
TITLES = {
    title.format(factor=factor): key.replace("{factor}", factor)
    for factor in FACTORS
    for title, key in (READ | APART).items()
}


def column_digits() -> dict[str, int]:
    """Title of a column -> digits after the point."""
    return dict.fromkeys(TITLES, 3)


def columns(rows: pd.DataFrame) -> list[str]:
    """The titles of columns of `by_code` with a figure in them."""
    return [title for title in TITLES if rows[title].notna().any()]


def by_code(values: Mapping[str, Callable[[str], Any]]) -> pd.DataFrame:
    """model, code and what is known of each factor; one row per model and code, the last one is chance.

    values: model -> what stands at a dotted key of its metrics, or None.
    """
    rows: list[dict[str, Any]] = []
    chance: dict[str, Any] = {}
    for model in sorted(values, key=in_order(values).index):
        value = values[model]
        for code in CODES:
            row = {title: value(key.replace("{code}", code)) for title, key in TITLES.items()}
            if any(figure is not None for figure in row.values()):
                rows.append({"model": model, "code": code, **row})
        for factor in FACTORS:
            for title, key in READ.items():
                guess = value(f"{key.partition('.')[0]}.chance_{factor}")
                chance |= {} if guess is None else {title.format(factor=factor): guess}
    if chance:
        rows.append({"model": CHANCE, "code": "", **chance})
    return pd.DataFrame(rows, columns=["model", "code", *TITLES])
