"""Factorization over seeds: mean and standard deviation of every figure, and the claims they bear out.

Rows: those of `factorization.by_judge` or `representation.by_code`, with a column seed.
"""

import pandas as pd

from speech_factorization.reporting.factorization import (
    EMPIRICAL,
    FACTORS,
    FIGURES,
    JUDGES,
    LEARNED,
    ORACLE,
    column_digits,
    in_order,
)
from speech_factorization.reporting.factorization_claims import STATED, verdicts_by_judge
from speech_factorization.reporting.published import printed, read
from speech_factorization.reporting.representation import CHANCE, columns
from speech_factorization.reporting.seeds import count_seeds, spread

__all__ = ["claims_over_seeds", "codes_over_seeds", "figures_over_seeds", "grid"]

PUBLISHED = "published, TIMIT"
DIGITS = 3


def figures_over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per model, judge and means: `mean +- standard deviation (n - 1)` as text; published figures first."""
    figures = {
        f"{factor}.{key}": title.format(factor) for factor in FACTORS for key, title in FIGURES.items()
    }
    shown = {name: title for name, title in figures.items() if rows[name].notna().any()}
    theirs, as_printed = read("manipulation_timit"), printed("manipulation_timit")
    found = []
    for model, values in theirs.to_dict("index").items():
        row = {"model": f"{model}, {PUBLISHED}", "judge": "MLP", "means": "", "weight": "", "seeds": ""}
        for name, title in shown.items():
            key = name.replace(".", "_", 1)
            row[title] = f"{values[key]:.{as_printed[key]}f}" if key in values else ""
        found.append(row)
    digits = column_digits()
    for (model, judge, means), part in _groups(rows, ["model", "judge", "means"]):
        weights = ", ".join(sorted({str(weight) for weight in part["weight"]}))
        row = {"model": model, "judge": judge, "means": means, "weight": weights, "seeds": count_seeds(part)}
        found.append(row | {title: spread(part[name], digits[title]) for name, title in shown.items()})
    return pd.DataFrame(found).fillna("")


def claims_over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per claim, factor and means, a verdict per judge; none where fewer than two of the models are there."""
    models = {model for claim, _ in STATED for pair in claim.pairs for model in pair}
    if len(models & set(rows["model"])) < 2:
        return pd.DataFrame()
    told = verdicts_by_judge(rows).drop(columns="compared")
    told.insert(3, "seeds", count_seeds(rows))
    return told


def codes_over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per model and code, then chance."""
    titles = columns(rows)
    found = []
    for (model, code), part in rows.groupby(["model", "code"], sort=False):
        row = {"model": str(model), "code": str(code), "seeds": count_seeds(part)}
        found.append(row | {title: spread(part[title], DIGITS) for title in titles})
    found.sort(key=lambda row: row["model"] == CHANCE)
    return pd.DataFrame(found)


def grid(rows: pd.DataFrame) -> pd.DataFrame:
    """Every model of every setting once, by empirical means: `delta / side effect` of each factor and judge.

    rows: in addition `setting`, what of it the model depends on, as text.
    """
    chosen = rows[rows["means"] != LEARNED]
    found = []
    for (model, setting), part in _groups(chosen, ["model", "setting"]):
        row = {"model": model, "setting": setting, "seeds": count_seeds(part)}
        for factor in FACTORS:
            for judge in JUDGES:
                # A model that does not depend on the setting stands in several, the same.
                of = part[part["judge"] == judge].drop_duplicates("seed")
                both = [spread(of[f"{factor}.{key}"], DIGITS) for key in ("delta_target", "delta_other")]
                row[f"{factor}, {judge}"] = " / ".join(filter(None, both))
        found.append(row)
    return pd.DataFrame(found)


def _groups(rows: pd.DataFrame, keys: list[str]) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows by these columns, in the order of the paper, of the judges and of the means."""
    models = [*in_order(dict.fromkeys(rows["model"].loc[rows["model"] != ORACLE])), ORACLE]
    orders = {"model": models, "judge": list(JUDGES), "means": [EMPIRICAL, LEARNED]}

    def place(item: tuple[tuple[str, ...], pd.DataFrame]) -> list[int]:
        pairs = zip(keys, item[0], strict=True)
        return [orders[k].index(v) if v in orders[k] else len(orders[k]) for k, v in pairs if k in orders]

    found = [(tuple(str(k) for k in key), part) for key, part in rows.groupby(keys, sort=False)]
    return sorted(found, key=place)
