"""The benchmark's claims about dynamical VAEs (Bie et al., Interspeech 2021), decided from figures.

A claim is a list of comparisons `first > second`: it holds in a seed if the first is better in every one of
them, by one metric. One lost comparison decides against it, a missing model leaves it open. Over
seeds the comparisons are paired: model against model of the same seed, no test of significance.

Results are a DataFrame: model, seed, and a column per metric of `measures.METRICS`; one row per model and
seed, so of one setting and one feeding (`fed` chooses it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

from speech_factorization.errors import InputError
from speech_factorization.reporting.measures import METRICS, NOT_FED
from speech_factorization.reporting.published import read

__all__ = ["Claim", "Verdict", "claims", "fed", "judge", "verdicts"]

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Claim:
    """statement: what is claimed; compared: the comparisons in words; pairs: (first, second) of each."""

    statement: str
    compared: str
    pairs: Pairs


def claims() -> tuple[Claim, ...]:
    """The five claims; those on a property twice, the second time with the other two properties equal.

    Properties: autoregressive, true_posterior, dynamical_z of published/dynamical_models.csv. The VAE takes
    part in the first and the last claim alone: the others are about dynamical VAEs.
    """
    ticks = read("dynamical_models").drop(index="vae")
    dynamical = list(ticks.index)
    fed_back = [model for model in dynamical if ticks.loc[model, "autoregressive"]]
    others = [model for model in dynamical if model not in fed_back]
    posterior = (("srnn", "vrnn"), ("srnn", "storn"), ("dkf", "dsae"))
    dynamics = (("dkf", "rvae_causal"), ("vrnn", "storn"), ("srnn", "storn"))
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
    """Pairs (with, without) of models that differ in this property and in no other."""
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
    comparisons could be made; lost: those lost in some seed; closest: the lost one, or else the one, with the
    smallest margin; margin, spread: its mean and standard deviation (n - 1) over seeds, positive is better.
    """

    held: int
    seeds: int
    compared: int
    pairs: int
    lost: tuple[str, ...] = ()
    closest: str = ""
    margin: float = float("nan")
    spread: float = float("nan")

    def text(self, digits: int) -> str:
        """holds, does not hold, differs by seed or cannot tell; in how many seeds; the closest margin."""
        if self.seeds == 0:
            missing = self.pairs - self.compared
            why = f"{missing} of {self.pairs} not comparable" if missing else "no seed has every comparison"
            return f"cannot tell ({why})"
        if self.held == self.seeds:
            said = "holds" + (f" in all {self.seeds} seeds" if self.seeds > 1 else "")
        elif self.held == 0:
            said = "does not hold" + (f" in any of {self.seeds} seeds" if self.seeds > 1 else "")
        else:
            said = f"differs by seed: holds in {self.held} of {self.seeds}"
        margin = f"{self.margin:+.{digits}f}"
        margin += "" if pd.isna(self.spread) else f" +- {self.spread:.{digits}f}"
        lost = f"{len(self.lost)} of {self.compared} not won: {self.closest} " if self.lost else ""
        return f"{said} ({lost}{margin})"


def fed(results: pd.DataFrame, feeding: str) -> pd.DataFrame:
    """Autoregressive models under this feeding, and all others."""
    return results[results["feeding"].isin([NOT_FED, feeding])]


def judge(results: pd.DataFrame, claim: Claim, metric: str) -> Verdict:
    """Decide one claim by one metric. Errors: InputError for two results of one model and seed."""
    known = results[["model", "seed", metric]].dropna(subset=metric)
    twice = known[known.duplicated(["model", "seed"])]
    if len(twice):
        model, seed = twice.iloc[0][["model", "seed"]]
        raise InputError(f"two results of {model}, seed {seed}", remedy="keep one of them")
    table = known.pivot(index="seed", columns="model", values=metric).astype(float)
    better = METRICS[metric].better
    margins = pd.DataFrame(
        {f"{a} > {b}": better * (table[a] - table[b]) for a, b in claim.pairs if {a, b} <= set(table)},
        index=table.index,
    ).dropna(axis="columns", how="all")
    if margins.empty:
        return Verdict(0, 0, 0, len(claim.pairs))
    against = (margins <= 0).any(axis="columns")
    # A tie is no win, and a lost comparison decides even where another is missing.
    complete = margins.notna().all(axis="columns") & (len(margins.columns) == len(claim.pairs))
    lost = tuple(margins.columns[(margins <= 0).any()])
    means = margins[list(lost or margins.columns)].mean()
    closest = str(means.idxmin())
    return Verdict(
        held=int((complete & ~against).sum()),
        seeds=int((complete | against).sum()),
        compared=len(margins.columns),
        pairs=len(claim.pairs),
        lost=lost,
        closest=closest,
        margin=float(means[closest]),
        spread=float(margins[closest].std()),
    )


def verdicts(results: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Every claim (index: its statement) by every metric (columns), as text; empty where none is known."""
    stated = claims()
    found = {
        metric: [judge(results, claim, metric).text(METRICS[metric].digits) for claim in stated]
        for metric in metrics
        if metric in results and results[metric].notna().any()
    }
    index = pd.Index([claim.statement for claim in stated], name="claim")
    return pd.DataFrame(found, index=index).reindex(columns=list(metrics), fill_value="")
