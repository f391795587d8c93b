"""gate: is this workspace's metrics/ worse than that of another revision?

    python -m stages.gate BASE

Exit status 0: nothing is worse; 1: something is; 2: it cannot be told (unknown revision, shallow clone,
another corpus, scale or seed, a missing file or value, NaN, a metric without a rule). Rules: stages/gate.yaml.
"""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from stages import METRICS

RULES = Path(__file__).with_name("gate.yaml")


@dataclass
class Verdict:
    """What was found: values that got worse, and reasons why something cannot be told."""

    worse: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The exit status: worse outranks cannot tell."""
        return 1 if self.worse else 2 if self.unknown else 0


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping of dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def compare(base: Mapping[str, Any], head: Mapping[str, Any], rules: Mapping[str, Any]) -> Verdict:
    """Hold `head` (FILE -> nested metrics) against `base` under the rules."""
    verdict = Verdict()
    for name in sorted(base):
        if name not in head:
            verdict.unknown.append(f"metrics/{name}.json is missing here")
            continue
        before, after = flatten(base[name]), flatten(head[name])
        broken = [
            key for key, value in after.items() if isinstance(value, float) and not math.isfinite(value)
        ]
        verdict.unknown += [f"{name}:{key}: {after[key]} is not a finite number" for key in broken]
        # What the base does not say cannot differ.
        differing = [key for key in rules["same"] if key in before and before[key] != after.get(key)]
        if differing:
            said = ", ".join(f"{key} {before.get(key)} -> {after.get(key)}" for key in differing)
            verdict.unknown.append(f"{name}: not comparable ({said})")
            continue
        for key in sorted(before):
            if key not in rules["same"]:
                _compare_value(f"{name}:{key}", before[key], after.get(key), rules["rules"], verdict)
    return verdict


def _compare_value(key: str, before: Any, after: Any, rules: list[dict[str, Any]], verdict: Verdict) -> None:
    rule = next((rule for rule in rules if fnmatchcase(key, rule["match"])), None)
    if rule is None:
        verdict.unknown.append(f"{key}: no rule in stages/gate.yaml matches it")
    elif rule["worse"] == "never":
        return
    elif not (_is_number(before) and _is_number(after)):
        verdict.unknown.append(f"{key}: {before} -> {after} are not two finite numbers")
    else:
        drop, rise = before - after, after - before
        loss = {"lower": drop, "higher": rise, "either": abs(rise)}[rule["worse"]]
        if loss > rule["by"]:
            verdict.worse.append(f"{key}: {before:.6g} -> {after:.6g} (allowed: {rule['by']})")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_revision(revision: str) -> dict[str, Any]:
    """metrics/*.json at a git revision. Errors: ValueError with the reason it cannot be read."""
    known = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"], capture_output=True
    )
    if known.returncode:
        shallow = subprocess.run(
            ["git", "rev-parse", "--is-shallow-repository"], capture_output=True, text=True
        )
        remedy = "; this clone is shallow: git fetch --unshallow" if shallow.stdout.strip() == "true" else ""
        raise ValueError(f"unknown revision {revision}{remedy}")
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", revision, f"{METRICS}/"], capture_output=True, text=True, check=True
    )
    paths = [path for path in listed.stdout.splitlines() if path.endswith(".json")]
    if not paths:
        raise ValueError(f"revision {revision} has no metrics")
    shown = {
        path: subprocess.run(["git", "show", f"{revision}:{path}"], capture_output=True) for path in paths
    }
    return {Path(path).stem: _parse(result.stdout, f"{revision}:{path}") for path, result in shown.items()}


def read_workspace(folder: Path) -> dict[str, Any]:
    """metrics/*.json of the workspace. Errors: ValueError for one that is not JSON."""
    return {path.stem: _parse(path.read_bytes(), str(path)) for path in sorted(folder.glob("*.json"))}


def _parse(text: bytes, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{where} is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"{where} is not a mapping")
    return found


def main(arguments: list[str]) -> int:
    """Compare and print; returns the exit status."""
    if len(arguments) != 1:
        print("usage: python -m stages.gate BASE   (a git revision, e.g. origin/main)", file=sys.stderr)
        return 2
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    try:
        verdict = compare(read_revision(arguments[0]), read_workspace(METRICS), rules)
    except ValueError as error:
        print(f"gate: cannot tell: {error}", file=sys.stderr)
        return 2
    for line in verdict.worse:
        print(f"worse: {line}")
    for line in verdict.unknown:
        print(f"cannot tell: {line}")
    if verdict.status == 0:
        print(f"gate: nothing is worse than at {arguments[0]}")
    return verdict.status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
