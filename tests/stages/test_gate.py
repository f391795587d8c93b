"""The gate's three answers, on hand cases and on real git revisions."""

import json
import math
import subprocess
from pathlib import Path

import pytest
import yaml

from stages import gate

RULES = yaml.safe_load(gate.RULES.read_text())
BASE = {
    "srnn": {
        "corpus": "embedded",
        "scale": "demo",
        "seed": 0,
        "phone_times": "forced",
        "pauses": "given",
        "resynthesis": {"rmse": 0.04, "pesq_wb": 2.4, "si_sdr": 7.0},
    }
}


def changed(**leaves: object) -> dict[str, dict[str, object]]:
    head = json.loads(json.dumps(BASE))
    head["srnn"]["resynthesis"] |= leaves
    return head


def test_equal_and_better_pass() -> None:
    assert gate.compare(BASE, BASE, RULES).status == 0
    assert gate.compare(BASE, changed(rmse=0.02, pesq_wb=3.5, si_sdr=12.0), RULES).status == 0


@pytest.mark.parametrize("leaves", [{"rmse": 0.05}, {"pesq_wb": 2.2}, {"si_sdr": 5.0}])
def test_worse_in_the_metric_s_own_direction(leaves: dict[str, float]) -> None:
    verdict = gate.compare(BASE, changed(**leaves), RULES)
    assert verdict.status == 1
    assert next(iter(leaves)) in verdict.worse[0]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("phone_from_z_speaker", 0.6, 1),
        ("phone_from_z_speaker", 0.1, 0),
        ("phone_from_z_phone", 0.1, 1),
        ("phone_from_z_phone", 0.9, 0),
        ("speaker_from_z_rest", 0.9, 0),
        ("chance_phone", 0.9, 0),
    ],
)
def test_a_part_is_to_hold_its_own_factor_and_no_other(key: str, value: float, status: int) -> None:
    for block in ("leak", "leak_mlp"):
        base, head = ({"fdnf": BASE["srnn"] | {block: {key: v}}} for v in (0.4, value))
        assert gate.compare(base, head, RULES).status == status


def test_models_of_another_discriminative_weight_are_not_compared() -> None:
    base, head = ({"fdnf": BASE["srnn"] | {"discriminative": w}} for w in (0.0, 20.0))
    assert gate.compare(base, head, RULES).status == 2


@pytest.mark.parametrize("value", [math.nan, math.inf, None, "2.4", True])
def test_not_a_number_cannot_be_told(value: object) -> None:
    assert gate.compare(BASE, changed(rmse=value), RULES).status == 2


def test_what_the_base_does_not_say_cannot_differ() -> None:
    silent = {"srnn": {key: value for key, value in BASE["srnn"].items() if key != "pauses"}}
    assert gate.compare(silent, BASE, RULES).status == 0


def test_a_new_value_that_is_no_number_cannot_be_told() -> None:
    assert gate.compare(BASE, changed(new=math.nan), RULES).status == 2


def test_missing_value_file_or_rule_cannot_be_told() -> None:
    lacking = changed()
    del lacking["srnn"]["resynthesis"]["rmse"]  # type: ignore[attr-defined]
    assert gate.compare(BASE, lacking, RULES).status == 2
    assert gate.compare(BASE, {}, RULES).status == 2
    ruleless = {"srnn": BASE["srnn"] | {"surprise": 1.0}}
    assert gate.compare(ruleless, ruleless, RULES).status == 2


@pytest.mark.parametrize("key", ["corpus", "scale", "seed", "phone_times", "pauses"])
def test_other_corpus_scale_or_seed_is_never_compared(key: str) -> None:
    other = {"srnn": BASE["srnn"] | {key: "other"}}
    verdict = gate.compare(BASE, other, RULES)
    assert verdict.status == 2
    assert "not comparable" in verdict.unknown[0]


def test_revisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], check=True)

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "nothing yet")
    assert gate.main(["HEAD"]) == 2
    assert "has no metrics" in capsys.readouterr().err
    metrics = Path("metrics")
    metrics.mkdir()
    (metrics / "srnn.json").write_text(json.dumps(BASE["srnn"]))
    git("add", "-A")
    git("commit", "-qm", "metrics")
    assert gate.main(["HEAD"]) == 0
    assert gate.main(["no-such-revision"]) == 2
    assert gate.main([]) == 2
    (metrics / "srnn.json").write_text(json.dumps(changed(rmse=0.9)["srnn"]))
    assert gate.main(["HEAD"]) == 1
    (metrics / "srnn.json").write_text("{broken")
    assert gate.main(["HEAD"]) == 2


def test_shallow_clone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()

    def git(*arguments: str, cwd: Path) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", cwd=origin)
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=origin)
    first = git("rev-parse", "HEAD", cwd=origin)
    git("commit", "-q", "--allow-empty", "-m", "second", cwd=origin)
    git("clone", "-q", "--depth", "1", f"file://{origin}", str(tmp_path / "clone"), cwd=tmp_path)
    monkeypatch.chdir(tmp_path / "clone")
    assert gate.main([first]) == 2
    assert "shallow" in capsys.readouterr().err


def test_every_committed_metric_has_a_rule() -> None:
    metrics = gate.read_workspace(Path(__file__).parents[2] / "metrics")
    assert metrics
    verdict = gate.compare(metrics, metrics, RULES)
    assert verdict.status == 0, verdict.unknown
