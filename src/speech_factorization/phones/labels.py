"""A corpus's labels on its fold's units and phones, and how often each phone occurs.

Labels come and go as tables: utterance, position, symbol, begin, end (samples at 16 kHz, <NA> where unknown).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from speech_factorization.errors import InputError
from speech_factorization.phones.folds import Fold

__all__ = ["FoldedLabel", "check_symbols", "count_phones", "fold_labels", "fold_rows"]

_COLUMNS = ["utterance", "position", "symbol", "unit", "phone", "begin", "end"]


@dataclass
class FoldedLabel:
    """One phone; symbol: those of all its parts, separated by spaces."""

    utterance: str
    symbol: str
    unit: str
    phone: str
    begin: Any
    end: Any


def fold_labels(labels: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """utterance, position, symbol, unit, phone, begin, end: one row per phone, positions counted anew.

    The parts of one stop become one row, so do silences that follow one another; `symbol` then holds those of
    all parts, separated by spaces. A dropped symbol leaves a gap, across which nothing is joined.
    Error: symbols the fold does not know, each with its count and first place.
    """
    check_symbols(labels, fold)
    columns = (labels[name] for name in ("utterance", "symbol", "begin", "end"))
    rows = fold_rows(zip(*columns, strict=True), fold)
    folded = pd.DataFrame([vars(row) for row in rows], columns=_COLUMNS)
    folded["position"] = folded.groupby("utterance", sort=False).cumcount()
    return folded.astype({"position": "Int64", "begin": "Int64", "end": "Int64"})


def fold_rows(rows: Iterable[tuple[str, str, Any, Any]], fold: Fold) -> Iterator[FoldedLabel]:
    """`fold_labels` on a stream of (utterance, symbol, begin, end), one phone at a time.

    Error: a symbol the fold does not know.
    """
    last: FoldedLabel | None = None
    joinable = False
    for utterance, symbol, begin, end in rows:
        pair = fold.fold(symbol)
        if pair is None:
            joinable = False
            continue
        unit, phone = pair
        goes_on = joinable and (symbol in fold.inside or unit == fold.silence)
        if last and goes_on and (last.unit, last.utterance) == (unit, utterance) and _touch(last.end, begin):
            last.symbol, last.end = f"{last.symbol} {symbol}", end
        else:
            if last:
                yield last
            last = FoldedLabel(utterance, symbol, unit, phone, begin, end)
        joinable = True
    if last:
        yield last


def _touch(end: Any, begin: Any) -> bool:
    """Whether two neighbours meet; without times neighbours always do."""
    return bool(pd.isna(end) or pd.isna(begin) or end == begin)


def check_symbols(labels: pd.DataFrame, fold: Fold) -> None:
    """Error: all symbols the fold does not know, each with how often it occurs and where first."""
    strange = labels[~labels["symbol"].isin(fold.table)]
    if strange.empty:
        return
    counts = strange["symbol"].value_counts(sort=False)
    firsts = strange.drop_duplicates("symbol")
    named = ", ".join(
        f"{symbol!r} ({counts[symbol]} {'times' if counts[symbol] > 1 else 'time'}, "
        f"first in {utterance} at position {position})"
        for symbol, utterance, position in zip(
            firsts["symbol"], firsts["utterance"], firsts["position"], strict=True
        )
    )
    raise InputError(f"no fold for {named}", f"labels, fold {fold.name}", fold.remedy)


def count_phones(labels: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """speaker, phone, count: every phone that occurs, for every speaker with labels, zeros included; sorted.

    labels: as `fold_labels` gives them. utterances: the corpus's table, for who speaks.
    """
    speaker = labels["utterance"].map(utterances.set_index("utterance")["speaker"])
    counts = labels.assign(speaker=speaker).groupby(["speaker", "phone"]).size()
    cells = pd.MultiIndex.from_product(
        [sorted(speaker.unique()), sorted(labels["phone"].unique())], names=["speaker", "phone"]
    )
    return counts.reindex(cells, fill_value=0).rename("count").reset_index()
