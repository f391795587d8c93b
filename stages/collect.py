"""collect: the experiments of a queue as rows of one CSV.

    python -m stages.collect docs/results/NAME.csv [PATTERN ...]

One row per experiment and model it ran: the parameters in which the experiments differ, and scheduled_sampling
whether they do or not, then its metrics (those whose dotted key matches a shell pattern; all without one). Read
from git, where DVC keeps experiments.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from speech_factorization.files import new_file
from stages import METRICS, PARAMS
from stages.gate import flatten

# What was fed in training stands in `compare`'s tables, whether the experiments differ in it or not.
ALWAYS = "hp.*.scheduled_sampling"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def experiments() -> Iterator[tuple[str, str]]:
    """(name, commit) of every experiment in this repository."""
    for line in _git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines():
        ref, commit = line.split()
        parts = ref.split("/")
        # refs/exps/AB/CDEF.../NAME are experiments; refs/exps/exec, stash, celery ... are DVC's own.
        if len(parts) == 5 and len(parts[2]) == 2:
            yield parts[4], commit


def rows(patterns: list[str]) -> pd.DataFrame:
    """The table of experiments; columns experiment, model, differing parameters, metrics."""
    found: list[dict[str, Any]] = []
    parameters: list[dict[str, str]] = []
    for name, commit in sorted(experiments()):
        params = yaml.safe_load(_git("show", f"{commit}:{PARAMS}"))
        tracked = _git("ls-tree", "--name-only", commit, f"{METRICS}/").splitlines()
        for model in params["models"]:
            path = f"{METRICS}/{model}.json"
            if path in tracked:
                metrics = flatten(json.loads(_git("show", f"{commit}:{path}")))
                kept = {
                    k: v
                    for k, v in metrics.items()
                    if not patterns or any(fnmatchcase(k, p) for p in patterns)
                }
                found.append({"experiment": name, "model": model, **kept})
                flat = flatten({k: v for k, v in params.items() if k not in ("model", "models")})
                parameters.append({k: json.dumps(v) for k, v in flat.items()})
    chosen = pd.DataFrame(parameters)
    differing = chosen[
        [name for name in chosen if chosen[name].nunique(dropna=False) > 1 or fnmatchcase(str(name), ALWAYS)]
    ]
    table = pd.DataFrame(found)
    if table.empty:
        return table
    return pd.concat(
        [table[["experiment", "model"]], differing, table.drop(columns=["experiment", "model"])], axis=1
    )


def main(arguments: list[str]) -> int:
    """Write the CSV; returns the exit status."""
    if not arguments:
        print("usage: python -m stages.collect docs/results/NAME.csv [PATTERN ...]", file=sys.stderr)
        return 2
    table = rows(arguments[1:])
    if table.empty:
        print(
            "collect: no experiment with metrics here; run some: dvc exp run -S model=srnn", file=sys.stderr
        )
        return 2
    path = Path(arguments[0])
    with new_file(path) as draft:
        table.to_csv(draft, index=False, lineterminator="\n")
    print(f"collect: {len(table)} rows in {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
