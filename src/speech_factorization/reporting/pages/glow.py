"""The page over seeds of Glow: every experiment on vowels, and what each says of the paper's claims."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from speech_factorization.reporting import vowels
from speech_factorization.reporting.seeds import count_seeds, spread
from speech_factorization.reporting.settings import Setting, title
from speech_factorization.reporting.vowel_claims import HOLDS, IN_PART, NOT, STATED, UNDECIDED, verdicts

__all__ = ["INTRODUCTION", "TOP", "overview", "results", "tables"]

TOP = vowels.TOP

INTRODUCTION = (
    "Experiments on vowels (arXiv 1910.13288) by a flow, by one Gaussian of full covariance on the same images and in "
    "the spectrogram itself, scored on unseen sentences of speakers also trained on. p: posterior of the vowel judge; "
    "typical: as probable as 95 % of real vowels, neither less nor more (samples at T < 1 have less noise too, and are "
    "judged by its scale as well); a straight line and a shift in the code of one Gaussian are those of the "
    "spectrogram.",
    "A claim is told by its rule, which is ours, seed by seed; in brackets: in how many seeds. What holds of one "
    "Gaussian or of the spectrogram too is no merit of the flow. The rules:",
    "\n".join(f"- {claim.statement}: {claim.rule}" for claim in STATED),
)

FIGURES = [*vowels.SPACES.values(), vowels.REFERENCE]
SHOWN = (
    ("distribution", "bits per real bin at 1 dB"),
    ("distribution", "radial spread"),
    ("samples, T = 1", "roughness / real"),
    ("vowel interpolated", "typical by one Gaussian"),
    ("noise at 0 dB, b = 0.8", "log-spectral distance less (dB)"),
    ("two classes: vowel", "error of ridge on all dimensions"),
)
DIGITS = 3


def results(members: pd.DataFrame, figure: Callable[["pd.Series[Any]", str], Any]) -> pd.DataFrame:
    """Rows of figures, and rows of verdicts (column `claim`; empty in the others), each with its seed.

    figure: row, dotted key -> what stands there.
    """
    parts = []
    for _, row in members.iterrows():
        value = partial(figure, row)
        parts += [of.assign(seed=row["seed"]) for of in (vowels.rows(value), verdicts(value))]
    return pd.concat(parts, ignore_index=True)


def tables(rows: pd.DataFrame) -> list[pd.DataFrame | str]:
    """Of one setting: claims, then figures."""
    figures, claims = _parts(rows)
    found = []
    for keys, part in figures.groupby(["experiment", "measure"], sort=False):
        row = dict(zip(("experiment", "measure"), map(str, keys), strict=True)) | {"seeds": count_seeds(part)}
        row |= {title: spread(part[title], DIGITS) for title in FIGURES}
        found.append(row | {vowels.REFERENCE_IS: str(part[vowels.REFERENCE_IS].max())})
    told = []
    for claim, part in claims.groupby("claim", sort=False):
        row = {"claim": str(claim), "seeds": count_seeds(part)}
        told.append(row | {title: _told(part[title]) for title in vowels.SPACES.values()})
    return [pd.DataFrame(told), pd.DataFrame(found)]


def overview(found: list[tuple[Setting, pd.DataFrame]]) -> pd.DataFrame | None:
    """The flow's figures in every setting, a few of them; None where there is one setting."""
    if len(found) < 2:
        return None
    parts = []
    for setting, rows in found:
        figures, _ = _parts(rows)
        row = {"setting": title(setting), "seeds": count_seeds(figures)}
        for experiment, measure in SHOWN:
            of = figures[(figures["experiment"] == experiment) & (figures["measure"] == measure)]
            row[f"{experiment}: {measure}"] = spread(of[vowels.SPACES["glow"]], DIGITS)
        parts.append(row)
    return pd.DataFrame(parts)


def _parts(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Figures, and claims."""
    return rows[rows["claim"].isna()], rows[rows["claim"].notna()]


def _told(verdicts: "pd.Series[str]") -> str:
    """`holds (2), in part (1)`; the text itself of one seed."""
    known = [text for text in verdicts if text]
    if len(known) < 2:
        return "".join(known)
    counts = Counter(text.partition(" (")[0] for text in known)
    return ", ".join(f"{name} ({counts[name]})" for name in (HOLDS, IN_PART, NOT, UNDECIDED) if counts[name])
