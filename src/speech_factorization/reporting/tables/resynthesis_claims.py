"""What the paper says of discrete units and conversion, held to its own figures and to ours."""

from functools import partial
from typing import Any

import pandas as pd

from speech_factorization.reporting.conversions import UNITS
from speech_factorization.reporting.resynthesis_claims import CLAIMS, Comparison, decide, ours_of, theirs
from speech_factorization.reporting.tables.base import Results, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Claims about discrete units and voice conversion: a claim holds if the first figure is the smaller in every "
    "comparison. In brackets: the closest comparison, or the one lost most clearly, and its two values. One seed: a "
    "small margin says little. The statements, and that two hundredths of an error are near, are our reading: the "
    "paper gives tables and no tests. Where it measures by recognisers and ears, ours are probes of units and judges "
    "of this pipeline, so the same claim is held to other evidence. Published: VCTK, Interspeech 2021. Ours of "
    "units: those of this run, k-means on cepstra among them, which the paper has not."
)


def build(results: Results) -> pd.DataFrame:
    """One row per claim."""
    units = results.metrics.get("units", {})
    there = [name for name in UNITS if name in units]
    model: Any = next((found for found in results.metrics.values() if "conversion" in found), {})
    value = partial(ours_of, partial(leaf, units), partial(leaf, model))
    rows = {
        claim.statement: {
            "compared": claim.compared,
            "published": decide(claim.published, theirs).text(3) if claim.published else "",
            "ours": _ours(claim.ours, there, value),
        }
        for claim in CLAIMS
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["compared", "published", "ours"])
    table.index.name = "claim"
    return table


def _ours(comparisons: tuple[Comparison, ...], there: list[str], value: Any) -> str:
    """The verdict on comparisons of units that were made; empty where no figure is known."""
    of_units = [one for one in comparisons if one.first.split(".")[0] in UNITS]
    kept = [one for one in of_units if {one.first.split(".")[0], one.second.split(".")[0]} <= set(there)]
    verdict = decide(kept if of_units else comparisons, value)
    return verdict.text(3) if verdict.compared else ""
