"""What units and pitch codes take, by their alphabet, by their statistics, and in files."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from speech_factorization.reporting.resynthesis import CORPUS, MODEL, RATES, published
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Bits per second of speech as codes. nominal: log2 K of K codes equally likely; whole bits: rounded up; unigram, "
    "conditional: entropy of the test codes by themselves and given the one before (of few codes, too low); by the "
    "tables: what the coder's tables, counted on training speakers, say they cost. Files, measured: payload; with "
    "header and checksum, the voice only named; the voice counted once for all its speaker's utterances; the voice "
    "in every file. duplicates kept: a unit every hop; removed: runs of one unit with their durations. Both give the "
    "same codes back. Published: the paper's authors' released units of VCTK; another corpus and scale."
)

STREAMS = {"content": "units", "pitch": "pitch"}
FORMS = {"kept": "units + pitch, duplicates kept", "removed": "units + pitch, duplicates removed"}
COLUMNS = [key for key in RATES if not key.endswith("bits_per_second")]
SUMMED = ("nominal", "ceil", "unigram", "conditional", "tables")


def build(results: Results) -> pd.DataFrame:
    """Rows: published units; then ours: units, pitch, and both in either form of a file."""
    theirs = [
        {"codes": system, "of": f"published, {CORPUS}", **row}
        for system, row in published("entropy").to_dict("index").items()
    ]
    rates: Mapping[str, Any] | None = leaf(results.metrics, f"{MODEL}.coding.rates")
    ours = []
    if rates is not None:
        ours += [{"codes": title, **rates[key]} for key, title in STREAMS.items()]
        kept, removed = ({"codes": title, **rates[key]} for key, title in FORMS.items())
        # Runs have other statistics: their parts are named below them.
        kept |= {name: sum(rates[stream][name] for stream in STREAMS) for name in SUMMED}
        parts = [
            {"codes": f"of these, {part}", "tables": rates["removed"][part]}
            for part in ("units", "durations")
        ]
        ours += [kept, removed, *parts]
    table = pd.DataFrame(
        [*theirs, *({"of": "ours"} | row for row in ours)], columns=["codes", "of", *COLUMNS]
    )
    return table.rename(columns={key: RATES[key].title for key in COLUMNS}).set_index("codes")
