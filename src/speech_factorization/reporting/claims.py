"""The benchmark's claims about dynamical VAEs (Bie et al., Interspeech 2021), decided from figures.

A claim is a list of comparisons `first > second`: it holds in a seed if the first is better in every one of
them, by one metric. One lost comparison decides against it, a tie or a missing model leaves it open. Over
seeds the comparisons are paired: model against model of the same seed, no test of significance.

Results are a DataFrame: model, seed, and a column per metric of `measures.METRICS`; one row per model and
seed, so of one setting and one feeding (`fed` chooses it).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from speech_factorization.errors import InputError
from speech_factorization.reporting.measures import METRICS, NOT_FED, Measure
from speech_factorization.reporting.published import read

__all__ = ["UNLIKE", "Claim", "Verdict", "claims", "fed", "judge", "unlike", "verdicts"]

UNLIKE = "unlike beta or training"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Claim:
    """statement: what is claimed; compared: the comparisons in words; pairs: (first, second) of each.

    share: the first must be better than this share of the second: at most half of an error is a share of .5.
    or_equal: being as good is enough.
    """

    statement: str
    compared: str
    pairs: Pairs
    share: float = 1.0
    or_equal: bool = False


def claims() -> tuple[Claim, ...]:
    """The five claims; those on a property twice, the second time with the other two properties equal.

    Properties: autoregressive, true_posterior, dynamical_z of published/dynamical_models.csv. The VAE takes
    part in the first and the last claim alone: the others are about dynamical VAEs.
    """
    ticks = read("dynamical_models").drop(index="vae")
    dynamical = list(ticks.index)
    fed_back = [model for model in dynamical if ticks.loc[model, "autoregressive"]]
    others = [model for model in dynamical if model not in fed_back]
    # The paper argues by these models and lists no comparisons; those here are ours. SRNN and DKF infer z as the exact
    # posterior does; VRNN and STORN, autoregressive like SRNN, and DSAE, with dynamics on z like DKF, do not.
    posterior = (("srnn", "vrnn"), ("srnn", "storn"), ("dkf", "dsae"))
    # DKF, VRNN and SRNN have dynamics on z; RVAE (causal, as DKF generates) and STORN have none and are likewise
    # without and with autoregression.
    dynamics = (("dkf", "rvae_causal"), ("vrnn", "storn"), ("srnn", "storn"))
    # "Helps" said of a property at large: each that has it against each that has not; "best": against each other.
    rest = [model for model in ("vae", *dynamical) if model != "srnn"]
    return (
        _claim("every dynamical VAE beats the VAE", tuple(product(dynamical, ["vae"])), "each > vae"),
        _claim(
            "autoregression helps",
            tuple(product(fed_back, others)),
            f"each of {', '.join(fed_back)} > each of {', '.join(others)}",
        ),
        _claim("autoregression helps, other properties equal", _alone("autoregressive", ticks)),
        _claim("the posterior's structure helps", posterior),
        _claim("the posterior's structure helps, other properties equal", _alone("true_posterior", ticks)),
        _claim("dynamics on z help", dynamics),
        _claim("dynamics on z help, other properties equal", _alone("dynamical_z", ticks)),
        _claim("SRNN is best", tuple(product(["srnn"], rest)), "srnn > each other"),
    )


def _claim(statement: str, pairs: Pairs, compared: str = "") -> Claim:
    return Claim(statement, compared or ", ".join(f"{a} > {b}" for a, b in pairs), pairs)


def _alone(tick: str, ticks: pd.DataFrame) -> Pairs:
    """Pairs (with, without) of models that differ in this one of the three properties alone."""
    rest = ticks.drop(columns=tick)
    return tuple(
        (a, b)
        for a, b in product(ticks.index, ticks.index)
        if ticks.loc[a, tick] > ticks.loc[b, tick] and rest.loc[a].equals(rest.loc[b])
    )


@dataclass(frozen=True)
class Verdict:
    """What the figures say of one claim by one metric.

    held, seeds: in how many of the seeds that decide it the claim holds; compared: how many of its `pairs`
    comparisons could be made; lost: those lost in some seed; tied: those tied in a seed that loses none;
    closest: the lost one, or else the one, with the smallest margin; first, second: the mean values of its two
    models; margin, spread: mean and standard deviation (n - 1) over seeds, positive is better.
    """

    held: int
    seeds: int
    compared: int
    pairs: int
    lost: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()
    closest: str = ""
    first: float = float("nan")
    second: float = float("nan")
    margin: float = float("nan")
    spread: float = float("nan")

    def text(self, digits: int) -> str:
        """holds, does not hold, differs by seed or cannot tell; in how many seeds; the closest comparison.

        Of that one the two values, and over seeds the margin.
        """
        tied = f"tied: {', '.join(self.tied)}" if self.tied else ""
        if self.seeds == 0:
            missing = self.pairs - self.compared
            reasons = [tied, f"{missing} of {self.pairs} not comparable" if missing else ""]
            return f"cannot tell ({'; '.join(filter(None, reasons)) or 'no seed has every comparison'})"
        if self.held == self.seeds:
            said = "holds" + (f" in all {self.seeds} seeds" if self.seeds > 1 else "")
        elif self.held == 0:
            said = "does not hold" + (f" in any of {self.seeds} seeds" if self.seeds > 1 else "")
        else:
            said = f"differs by seed: holds in {self.held} of {self.seeds}"
        lost = f"{len(self.lost)} of {self.compared} lost: " if self.lost else ""
        values = f"{self.closest} {self.first:.{digits}f}/{self.second:.{digits}f}"
        if not pd.isna(self.spread):
            values += f", {self.margin:+.{digits}f} +- {self.spread:.{digits}f}"
        return f"{said} ({lost}{values}{'; in other seeds ' + tied if tied else ''})"


def fed(results: pd.DataFrame, feeding: str) -> pd.DataFrame:
    """Autoregressive models under this feeding, and all others."""
    return results[results["feeding"].isin([NOT_FED, feeding])]


def unlike(results: pd.DataFrame, claim: Claim) -> str:
    """`2 of 7`: comparisons of models trained at another beta or, where both are fed x(t-1), fed otherwise.

    results: in addition beta and training. Empty where no comparison can be made.
    """
    rows = results.groupby("model")[["beta", "training"]].first()
    there = [(rows.loc[a], rows.loc[b]) for a, b in claim.pairs if {a, b} <= set(rows.index)]
    count = sum(
        _differ(a["beta"], b["beta"])
        or (NOT_FED not in (a["training"], b["training"]) and _differ(a["training"], b["training"]))
        for a, b in there
    )
    return f"{count} of {len(claim.pairs)}" if there else ""


def _differ(a: Any, b: Any) -> bool:
    return bool(pd.notna(a) and pd.notna(b) and a != b)


def judge(
    results: pd.DataFrame,
    claim: Claim,
    metric: str,
    tie: float = 0.0,
    measures: Mapping[str, Measure] = METRICS,
) -> Verdict:
    """Decide one claim by one metric; margins up to `tie` either way are none. measures: which way is better.

    Errors: InputError for two results of one model and seed.
    """
    known = results[["model", "seed", metric]].dropna(subset=metric)
    twice = known[known.duplicated(["model", "seed"])]
    if len(twice):
        model, seed = twice.iloc[0][["model", "seed"]]
        raise InputError(f"two results of {model}, seed {seed}", remedy="keep one of them")
    table = known.pivot(index="seed", columns="model", values=metric).astype(float)
    better = measures[metric].better
    share = "" if claim.share == 1 else f"{claim.share:g} x "
    sign = ">=" if claim.or_equal else ">"
    pairs = {f"{a} {sign} {share}{b}": (a, b) for a, b in claim.pairs if {a, b} <= set(table)}
    margins = pd.DataFrame(
        {pair: better * (table[a] - claim.share * table[b]) for pair, (a, b) in pairs.items()},
        index=table.index,
    ).dropna(axis="columns", how="all")
    if margins.empty:
        return Verdict(0, 0, 0, len(claim.pairs))
    # A lost comparison decides even where another is tied or missing.
    against = (margins < -tie).any(axis="columns")
    complete = margins.notna().all(axis="columns") & (len(margins.columns) == len(claim.pairs))
    won = margins >= -tie if claim.or_equal else margins > tie
    held = complete & won.all(axis="columns")
    lost = tuple(margins.columns[(margins < -tie).any()])
    means = margins[list(lost or margins.columns)].mean()
    closest = str(means.idxmin())
    seeds = margins.index[margins[closest].notna()]
    first, second = table.loc[seeds, list(pairs[closest])].mean()
    return Verdict(
        held=int(held.sum()),
        seeds=int((held | against).sum()),
        compared=len(margins.columns),
        pairs=len(claim.pairs),
        lost=lost,
        tied=() if claim.or_equal else tuple(margins.columns[(margins[~against].abs() <= tie).any()]),
        closest=closest,
        first=float(first),
        second=float(second),
        margin=float(means[closest]),
        spread=float(margins[closest].std()),
    )


def verdicts(
    results: pd.DataFrame, metrics: Sequence[str], printed: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Every claim (index: its statement) by every metric (columns), as text; empty where none is known.

    printed: of figures out of a paper, metric -> digits after the point; equal as printed is a tie.
    """
    stated = claims()
    found = {}
    for metric in metrics:
        if metric in results and results[metric].notna().any():
            digits = printed[metric] if printed else METRICS[metric].digits
            tie = 0.5 * 10**-digits if printed else 0.0
            found[metric] = [judge(results, claim, metric, tie).text(digits) for claim in stated]
    index = pd.Index([claim.statement for claim in stated], name="claim")
    return pd.DataFrame(found, index=index).reindex(columns=list(metrics), fill_value="")
