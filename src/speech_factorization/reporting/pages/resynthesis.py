"""The page over seeds of speech resynthesis: quality at its rate, voice and pitch conversion (Polyak et al., 2021)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from speech_factorization.reporting.conversions import (
    CONVERSION,
    FORMS,
    PITCH,
    PITCH_FORMS,
    UNITS,
    conversion_rows,
    pitch_rows,
    told,
)
from speech_factorization.reporting.measures import Measure
from speech_factorization.reporting.resynthesis import CORPUS, MEASURES, RATES, published
from speech_factorization.reporting.resynthesis_claims import CLAIMS, Claim, decide, obstacle, ours_of
from speech_factorization.reporting.seeds import count_seeds, spread
from speech_factorization.reporting.settings import Setting, title

__all__ = ["INTRODUCTION", "TOP", "overview", "results", "tables"]

TOP = "conversion.seen.eer"

QUALITY = {"bits_per_second": RATES["bits_per_second"]} | {
    name: MEASURES[name] for name in ("pesq_wb", "stoi", "mel_distance", "phone_error", "ffe")
}
NAMES = ("content_units", "generator")
SHOWN = ("eer", "phone_error")


def _of_models(claim: Claim) -> bool:
    """Whether our evidence stands in a model's metrics; that of units is in another file."""
    return not any(one.first.split(".")[0] in UNITS for one in claim.ours)


STATED = tuple(claim for claim in CLAIMS if _of_models(claim))

INTRODUCTION = (
    "Speech resynthesis from content units, pitch codes and a speaker vector. Of utterances of test speakers: quality "
    "of what a file of codes gives back, at its bits per second; conversion to five random voices per utterance, of "
    "speakers trained on (seen) and never heard (unseen); F0 flattened, shifted and swapped. speaker EER, cosines and "
    "nearest speaker: of the judges' verification network; phone error: of the phone judge at the source's segments, "
    "which is no PER. Published: VCTK, Interspeech 2021; another corpus, scale and other judges: compare the order, "
    "not the values.",
    "A claim holds in a seed if the first figure is the smaller in every comparison. Those about units stand in the "
    "table resynthesis_claims of each run. A seed whose own voice has a speaker EER of .25 or more, or whose "
    "reconstruction a phone error of .5 or more, decides no claim on conversion. The comparisons:",
    "\n".join(f"- {claim.statement}: {claim.compared}" for claim in STATED),
)


def results(members: pd.DataFrame, figure: Callable[["pd.Series[Any]", str], Any]) -> pd.DataFrame:
    """Rows of one model, seed, experiment (quality, conversion, pitch, claims) and form, with its figures.

    figure: row, dotted key -> what stands there. Of claims the figures are 1, held, or 0, by the claim's statement.
    """
    found: list[dict[str, Any]] = []
    for _, row in members.iterrows():
        value = partial(_value, figure, row)
        of_model = {str(row["model"]): value}
        first = {"seed": row["seed"], "model": str(row["model"]), "units": told(value)}
        quality = {name: value(f"coding.systems.ours.{name}") for name in QUALITY}
        found.append(first | {"experiment": "quality", "form": "", **quality})
        found += [first | {"experiment": "conversion"} | one for one in conversion_rows(of_model)]
        found += [first | {"experiment": "pitch"} | one for one in pitch_rows(of_model)]
        found.append(first | {"experiment": "claims", "form": "", **_held(value)})
    return pd.DataFrame(found)


def _value(figure: Callable[["pd.Series[Any]", str], Any], row: "pd.Series[Any]", key: str) -> Any:
    """A figure, or a name where that is what stands there."""
    return (row.get(key) or None) if key in NAMES else figure(row, key)


def _held(value: Callable[[str], Any]) -> dict[str, float | None]:
    told_of = partial(ours_of, lambda key: None, value)
    found: dict[str, float | None] = {}
    for claim in STATED:
        verdict = decide(claim.ours, told_of)
        open_one = not verdict.seeds or obstacle(claim, told_of, value("content_units"))
        found[claim.statement] = None if open_one else float(verdict.held)
    return found


def tables(rows: pd.DataFrame) -> list[pd.DataFrame | str]:
    """Of one setting: voice conversion, pitch conversion, claims."""
    voices = _table(rows, "conversion", CONVERSION, FORMS)
    changed = _table(rows, "pitch", PITCH, PITCH_FORMS)
    return [part for part in (_with_published(voices), changed, _claims(rows)) if len(part)]


def overview(found: list[tuple[Setting, pd.DataFrame]]) -> pd.DataFrame | None:
    """One row per setting; None where there is one setting."""
    if len(found) < 2:
        return None
    shown = []
    for setting, rows in found:
        quality = rows[rows["experiment"] == "quality"]
        line = {"setting": title(setting), "units": _names(rows), "seeds": count_seeds(rows)}
        line |= _spreads(quality, QUALITY)
        for form in ("seen", "unseen"):
            part = _form(rows, "conversion", form)
            line |= {
                f"{form} {CONVERSION[n].title}": _spread(part, n, CONVERSION) for n in ("eer", "phone_error")
            }
        flat = _form(rows, "pitch", "flatten")
        line[f"flat, {PITCH['correlation_original'].title}"] = _spread(flat, "correlation_original", PITCH)
        shown.append(line)
    return pd.DataFrame(shown)


def _table(
    rows: pd.DataFrame, experiment: str, figures: Mapping[str, Measure], forms: Mapping[str, str]
) -> pd.DataFrame:
    """One row per form: `mean +- standard deviation (n - 1)` as text; columns without a figure are left out."""
    parts = {form: _form(rows, experiment, form) for form in forms}
    shown = [
        {"of": "ours", "units": _names(part), "form": forms[form], "seeds": count_seeds(part)}
        | _spreads(part, figures)
        for form, part in parts.items()
        if len(part)
    ]
    table = pd.DataFrame(shown).fillna("")
    return table.loc[:, (table != "").any()] if len(table) else table


def _form(rows: pd.DataFrame, experiment: str, form: str) -> pd.DataFrame:
    return rows[(rows["experiment"] == experiment) & (rows["form"] == form)]


def _names(rows: pd.DataFrame) -> str:
    return " / ".join(dict.fromkeys(rows["units"]))


def _spreads(rows: pd.DataFrame, figures: Mapping[str, Measure]) -> dict[str, str]:
    return {measure.title: _spread(rows, name, figures) for name, measure in figures.items()}


def _spread(rows: pd.DataFrame, name: str, figures: Mapping[str, Measure]) -> str:
    return spread(rows[name], figures[name].digits) if name in rows else ""


def _with_published(table: pd.DataFrame) -> pd.DataFrame:
    """The paper's rows first."""
    if not len(table):
        return table
    theirs = []
    for experiment, form in (("reconstruction", FORMS["reconstruction"]), ("conversion", "random target")):
        for units, row in published(experiment).to_dict("index").items():
            shown = {CONVERSION[str(name)].title: f"{value:.3f}" for name, value in row.items()}
            theirs.append({"of": f"published, {CORPUS}", "units": units, "form": form, **shown})
    return pd.concat([pd.DataFrame(theirs), table], ignore_index=True).fillna("")[
        list(dict.fromkeys([*table, *(name for row in theirs for name in row)]))
    ]


def _claims(rows: pd.DataFrame) -> pd.DataFrame:
    """claim and in how many of the seeds that decide it it holds."""
    decided = rows[rows["experiment"] == "claims"]
    shown = []
    for claim in STATED:
        held = decided[claim.statement].dropna() if claim.statement in decided else pd.Series(dtype=float)
        if len(held):
            said = {0: "does not hold", len(held): "holds"}.get(int(held.sum()), "differs by seed")
            shown.append(
                {"claim": claim.statement, "ours": f"{said}: {int(held.sum())} of {len(held)} seeds"}
            )
    return pd.DataFrame(shown)
