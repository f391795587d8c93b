"""compare: what stages.collect wrote about dynamical VAEs, over seeds, per setting, with the paper's claims.

    python -m stages.compare docs/results/NAME.csv

Writes docs/results/NAME.md beside it: per setting (reporting/settings.py says what one is) the mean and standard
deviation of every metric per model and feeding, then a verdict on each claim of the paper.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from speech_factorization.errors import InputError
from speech_factorization.files import new_file
from speech_factorization.reporting.claims import claims
from speech_factorization.reporting.measures import by_feeding
from speech_factorization.reporting.seeds import claims_over_seeds, figures_over_seeds
from speech_factorization.reporting.settings import SEED, by_setting, title

TOP = "resynthesis.rmse"
TRAINING = "training_feeding"
REMEDY = "write it with python -m stages.collect docs/results/NAME.csv"


def read(path: Path) -> pd.DataFrame:
    """The rows with analysis-resynthesis, as text. Errors: one InputError for a file that has too few."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError("no such file", path, REMEDY) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())})", path, REMEDY) from None
    lacking = [name for name in ("experiment", "model", TOP) if name not in table]
    if lacking:
        raise InputError(f"no column {', '.join(lacking)}", path, REMEDY)
    table = table[table[TOP] != ""].reset_index(drop=True)
    if len(table) < 2:
        raise InputError(
            f"{len(table)} row{'s' * (len(table) != 1)} with {TOP}, nothing to compare",
            path,
            "run more seeds or models, then collect again",
        )
    return table


def results(members: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Rows by feeding: seed, and the columns of `by_feeding`. Errors: a figure that is no number; path: whose."""
    found = []
    for _, row in members.iterrows():
        for fed in by_feeding(row["model"], partial(_value, row, path)):
            found.append({"seed": row["seed"], **fed})
    return pd.DataFrame(found)


def _value(row: "pd.Series[Any]", path: Path, key: str) -> float | str | None:
    if key == TRAINING:
        return _training(row)
    text = row.get(key, "")
    try:
        return float(text) if text not in ("", "null") else None
    except ValueError:
        what = f"{key} of experiment {row['experiment']}, model {row['model']}, is no number: {text!r}"
        raise InputError(what, path, REMEDY) from None


def _training(row: "pd.Series[Any]") -> str:
    """What the model was fed in training: as evaluate says, else by the parameter, which collect always writes."""
    if row.get(TRAINING, "") not in ("", "null"):
        return str(row[TRAINING])
    value = row.get(f"hp.{row['model']}.scheduled_sampling")
    if value is None:
        return "unknown"
    return "truth" if value in ("", "null") else "scheduled sampling"


def page(path: Path) -> str:
    """The Markdown text. Errors: InputError for a file that cannot be compared."""
    table = read(path)
    on = "".join(f", {name} {table[name][0]}" for name in ("corpus", "scale") if _one(table, name))
    seeds = "" if SEED in table else f" There is no column {SEED}: one seed."
    parts = [
        f"# {path.stem}",
        f"Made of {path.name} by `python -m stages.compare`{on}. Mean +- standard deviation (n - 1) over "
        f"seeds.{seeds} Feeding: what an autoregressive model is given as x(t-1) when it decodes. "
        "Training: what it was given then. Itakura-Saito and KL (the true one): nats per frame, with the true x(t-1). "
        "Resynthesis is at the posterior mean, Itakura-Saito and KL are of a sample of z. Published: WSJ0, Interspeech "
        "2021, always fed the truth, its own betas; another corpus: compare the order, not the values.",
        "A claim holds in a seed if the first model is better (>) in every comparison, both of that seed; there is "
        "no test of significance. In brackets: the closest comparison, or the one lost most clearly, the mean values "
        "of its two models and, over seeds, the margin; positive is better. A tie decides nothing. Unlike beta or "
        "training: in how many comparisons the two were trained at another beta or, both autoregressive, one with "
        "scheduled sampling and one without, whose gain cannot be told from the property's. The comparisons:",
        "\n".join(f"- {claim.statement}: {claim.compared}" for claim in claims()),
    ]
    for setting, members in by_setting(table, path):
        rows = results(members, path)
        parts += [f"## {title(setting)}", _markdown(figures_over_seeds(rows))]
        told = claims_over_seeds(rows)
        parts += [_markdown(told) if len(told) else "One of these models alone: no claim can be told."]
    return "\n\n".join(parts) + "\n"


def _one(table: pd.DataFrame, name: str) -> bool:
    return name in table and table[name].nunique() == 1


def _markdown(table: pd.DataFrame) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True))


def main(arguments: list[str]) -> int:
    """Write the page; returns the exit status."""
    if len(arguments) != 1 or Path(arguments[0]).suffix != ".csv":
        print("usage: python -m stages.compare docs/results/NAME.csv", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        text = page(path)
    except InputError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    with new_file(path.with_suffix(".md")) as draft:
        draft.write_text(text, encoding="utf-8")
    print(f"compare: {path.with_suffix('.md')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
