"""Rows of experiments, grouped by the setting they were run in.

A setting is one choice of the parameters in which the experiments differ, but for the seed of training.
hp.MODEL.* matters for MODEL alone, so one model's results stand in every setting that agrees with them in all
the rest. Parameters of several models that belong together (beta) are best changed in one experiment: they
are then one setting.
"""

import pandas as pd

from speech_factorization.errors import InputError

__all__ = ["PARAMETERS", "SEED", "by_setting", "title"]

SEED = "train.seed"
# What a result may depend on: the names at the top of params.yaml (`corpus` and `scale` are in metrics too), but
# for the choice of models.
PARAMETERS = {
    "corpus",
    "alignment",
    "judges",
    "units",
    "pitch",
    "speaker",
    "train",
    "evaluate",
    "hp",
    "readers",
    "scale",
    "device",
    "threads",
    "precision",
    "jobs",
}

Setting = dict[str, str]


def by_setting(table: pd.DataFrame, where: object = "") -> list[tuple[Setting, pd.DataFrame]]:
    """(parameters in which settings differ, rows) of each setting: one row per model and seed.

    table: experiment, model, parameters and metrics as text, where `1` and `1.0` are one number; the rows get a
    column `seed`, the same for all where there is no train.seed. A setting's own run of a model comes before
    those of other settings it agrees with in all that matters for the model.
    Errors: InputError for unlike results of one model, seed and setting; `where` is what it names.
    """
    told = [name for name in table if name not in ("experiment", "model")]
    table = table.assign(**{str(name): table[name].map(_number) for name in told})
    parameters = [str(name) for name in table if str(name).split(".")[0] in PARAMETERS and name != SEED]
    models = set(table["model"])
    names = [name for name in parameters if not name.startswith("hp.") or name.split(".")[1] in models]
    table = table.assign(seed=table.get(SEED, "0"))
    found: list[tuple[Setting, pd.DataFrame]] = []
    for setting in _distinct(table, names):
        own = (table[names] == pd.Series(setting, dtype=object)).all(axis=1)
        parts = []
        for (model, seed), rows in table.groupby(["model", "seed"]):
            known = [name for name in names if not name.startswith("hp.") or name.startswith(f"hp.{model}.")]
            rows = rows[(rows[known] == pd.Series({n: setting[n] for n in known}, dtype=object)).all(axis=1)]
            rows = rows[own[rows.index]] if own[rows.index].any() else rows
            if len(rows.drop(columns=["experiment", *parameters]).drop_duplicates()) > 1:
                which = ", ".join(rows["experiment"])
                what = f"unlike results of {model}, seed {seed}, with the same parameters ({which})"
                raise InputError(what, where, "find out why, then keep one of these rows")
            parts.append(rows.head(1))
        members = pd.concat(parts)
        if not any(set(members.index) == set(other.index) for _, other in found):
            found.append((setting, members))
    varying = [name for name in names if len({setting[name] for setting, _ in found}) > 1]
    return [({name: setting[name] for name in varying}, members) for setting, members in found]


def _distinct(table: pd.DataFrame, names: list[str]) -> list[Setting]:
    rows = dict.fromkeys(tuple(str(row[name]) for name in names) for _, row in table.iterrows())
    return [dict(zip(names, row, strict=True)) for row in rows]


def _number(text: str) -> str:
    """Equal numbers as equal text; any other text as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    return str(int(value)) if value.is_integer() else str(value)


def _short(value: str) -> str:
    try:
        return f"{float(value):.6g}"
    except ValueError:
        return value


def title(setting: Setting) -> str:
    """The parameters in one line; models that share a value share a name: `hp.{dkf,srnn}.beta = 1`."""
    shared: dict[tuple[str, str], list[str]] = {}
    for name, value in setting.items():
        block, model, rest = [*name.split(".", 2), "", ""][:3]
        shared.setdefault((rest if block == "hp" else name, value), []).append(model)
    said = []
    for (name, value), models in shared.items():
        block = models[0] if len(models) == 1 else f"{{{','.join(models)}}}"
        said.append(f"{name if name in setting else f'hp.{block}.{name}'} = {_short(value)}")
    return ", ".join(said) or "All"
