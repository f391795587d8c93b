"""How far found boundaries lie from true ones.

Conventions
-----------
Tables have one row per unit: utterance, position, phone, begin, end (samples at 16 kHz), as in
prepared/alignment/alignment.csv; other columns are ignored but the one compared, `column`. A boundary is the
moment where a unit begins and the one before it ends.

Metrics
-------
within_10ms, within_20ms, within_50ms: fraction of the boundaries at most so far off. median_ms: median
distance. boundaries: how many were compared. pauses: of inner silences, precision and recall of finding that
one is there.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["distances", "score", "score_pauses"]

PER_MS = 16


def _sounding(table: pd.DataFrame, silence: Collection[str], column: str) -> pd.DataFrame:
    """The rows that are not silence nor empty, numbered 0, 1, ... in each utterance as `place`."""
    rows = table.sort_values(["utterance", "position"], kind="stable")
    rows = rows[~rows[column].isin(list(silence)) & (rows["end"] > rows["begin"])]
    return rows.assign(place=rows.groupby("utterance", sort=False).cumcount())


def distances(
    found: pd.DataFrame, truth: pd.DataFrame, silence: Collection[str], column: str = "phone"
) -> NDArray[np.float64]:
    """Found minus true beginning, in ms, of every unit that follows another without silence in between.

    Utterances that only one table has are left out. The non-silent units of both tables are matched
    by their order, so optional pauses may differ; InputError where the units themselves differ.
    """
    true, ours = _sounding(truth, silence, column), _sounding(found, silence, column)
    true = true[true["utterance"].isin(ours["utterance"])]
    ours = ours[ours["utterance"].isin(true["utterance"])]
    both = true.merge(ours, on=["utterance", "place"], how="outer", suffixes=("", "_found"))
    wrong = both[both[column] != both[f"{column}_found"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise InputError(
            f"unit {row['place']} is {row[column]} in truth and {row[f'{column}_found']} in the alignment",
            row["utterance"],
            "score an alignment against the labels it was made from",
        )
    both = both.sort_values(["utterance", "place"], kind="stable")
    same = both["utterance"].eq(both["utterance"].shift())
    inner = both[same & both["begin"].eq(both["end"].shift())]
    return ((inner["begin_found"] - inner["begin"]) / PER_MS).to_numpy(dtype=np.float64)


def score(
    found: pd.DataFrame, truth: pd.DataFrame, silence: Collection[str], column: str = "phone"
) -> dict[str, float | int]:
    """The metrics of this module over the boundaries with no silence on either side; InputError if none."""
    off = np.abs(distances(found, truth, silence, column))
    if not len(off):
        raise InputError("no boundary to compare", "alignment", "give labels with begin and end")
    shares = {f"within_{ms}ms": float(np.mean(off <= ms)) for ms in (10, 20, 50)}
    return {**shares, "median_ms": float(np.median(off)), "boundaries": len(off)}


def _gaps(table: pd.DataFrame, silence: Collection[str], column: str, least: int) -> pd.Series:
    """Whether `least` samples of silence or more lie before each sounding unit but an utterance's first."""
    rows = _sounding(table, silence, column)
    before = rows.groupby("utterance", sort=False)["end"].shift()
    gap = (rows["begin"] - before >= least)[rows["place"] > 0]
    return gap.set_axis(pd.MultiIndex.from_frame(rows.loc[gap.index, ["utterance", "place"]]))


def score_pauses(
    found: pd.DataFrame,
    truth: pd.DataFrame,
    silence: Collection[str],
    column: str = "phone",
    least_ms: float = 30.0,
) -> dict[str, float | int]:
    """Inner pauses: how many truth and alignment have, precision, and recall of those of `least_ms` or more.

    A found pause is right if the truth has any there. Shares are 1 where there is nothing to get wrong.
    """
    any_true, long_true = (_gaps(truth, silence, column, least) for least in (1, int(least_ms * PER_MS)))
    ours = _gaps(found, silence, column, 1).reindex(any_true.index, fill_value=False)
    return {
        "pauses": int(long_true.sum()),
        "pauses_found": int(ours.sum()),
        "pause_precision": float(any_true[ours].mean()) if ours.any() else 1.0,
        "pause_recall": float(ours[long_true].mean()) if long_true.any() else 1.0,
    }
