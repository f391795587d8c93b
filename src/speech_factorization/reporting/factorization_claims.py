"""Claims about factorization (ICASSP 2021, and ours beside the baseline it leaves out), decided from figures.

Results: rows of `factorization.by_judge`, with a column seed where there are several; paired by seed, as in `claims`.
"""

from collections.abc import Mapping

import pandas as pd

from speech_factorization.reporting.claims import Claim, Pairs, judge
from speech_factorization.reporting.factorization import (
    EMPIRICAL,
    FACTORS,
    JUDGES,
    LEARNED,
    MEASURES,
    SIDE_EFFECT,
    with_means,
)

__all__ = ["STATED", "UNLIKE", "verdicts", "verdicts_by_judge"]

UNLIKE = "unlike weight"
DELTA = "delta_target"

MODELS = ("segment_vae", "nf", "dnf", "fdnf")


def _claim(statement: str, pairs: Pairs, share: float = 1.0, or_equal: bool = False) -> Claim:
    than = (">= " if or_equal else "> ") + ("" if share == 1 else f"{share:g} x ")
    return Claim(statement, ", ".join(f"{a} {than}{b}" for a, b in pairs), pairs, share, or_equal)


# Each with the figure it is about. The first three are the paper's; it has no identity.
STATED = (
    (_claim("VAE < NF < DNF in delta", (("nf", "segment_vae"), ("dnf", "nf"))), DELTA),
    (_claim("f-DNF's delta is no less than DNF's", (("fdnf", "dnf"),), or_equal=True), DELTA),
    (_claim("f-DNF's side effect is at most half of DNF's", (("fdnf", "dnf"),), 0.5, True), SIDE_EFFECT),
    (_claim("f-DNF beats identity in delta", (("fdnf", "identity"),)), DELTA),
    (_claim("f-DNF's side effect is less than identity's", (("fdnf", "identity"),)), SIDE_EFFECT),
    (_claim("every model beats identity in delta", tuple((m, "identity") for m in MODELS)), DELTA),
)


def verdicts(results: pd.DataFrame, printed: Mapping[str, int] | None = None) -> "pd.Series[str]":
    """Verdict, as text, of every claim and factor (the index), from one row per model and seed.

    Columns FACTOR.delta_target, FACTOR.side_effect. printed: of figures out of a paper, FACTOR.FIGURE -> digits
    after the point; equal as printed is a tie.
    """
    told = {}
    for claim, figure in STATED:
        for factor in FACTORS:
            metric = f"{factor}.{figure}"
            digits = printed[metric] if printed else MEASURES[metric].digits
            tie = 0.5 * 10**-digits if printed else 0.0
            found = judge(results, claim, metric, tie, MEASURES)
            told[claim.statement, factor] = found.text(digits) if found.compared else ""
    return pd.Series(told, dtype=object).rename_axis(["claim", "factor"])


def verdicts_by_judge(rows: pd.DataFrame) -> pd.DataFrame:
    """claim, factor, means, compared, unlike weight, and a verdict per judge; by learned means where some are."""
    stated = {claim.statement: claim for claim, _ in STATED}
    parts = []
    for means in (EMPIRICAL, LEARNED):
        if means == LEARNED and LEARNED not in set(rows["means"]):
            continue
        chosen = with_means(rows, means)
        judges = {name: chosen[chosen["judge"] == name] for name in JUDGES}
        told = {name: verdicts(part.assign(seed=part.get("seed", 0))) for name, part in judges.items()}
        part = pd.DataFrame(told).reset_index()
        claims = [stated[statement] for statement in part["claim"]]
        part.insert(2, "means", means)
        part.insert(3, "compared", [claim.compared for claim in claims])
        part.insert(4, UNLIKE, [_unlike(chosen, claim) for claim in claims])
        parts.append(part)
    # Both means of one claim and factor stand together.
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def _unlike(rows: pd.DataFrame, claim: Claim) -> str:
    """`1 of 2`: comparisons of models trained with another weight; empty where none can be made."""
    weights = rows.groupby("model")["weight"].first()
    there = [(weights[a], weights[b]) for a, b in claim.pairs if {a, b} <= set(weights.index)]
    count = sum("" not in pair and pair[0] != pair[1] for pair in there)
    return f"{count} of {len(claim.pairs)}" if there else ""
