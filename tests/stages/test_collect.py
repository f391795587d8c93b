"""Experiments become rows: the differing parameters and the metrics of the models each ran."""

import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest
import yaml

from stages import collect


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def experiment(name: str, seed: int, rmse: float) -> None:
    """What `dvc exp run` leaves behind: a commit under refs/exps, not on a branch."""
    params = {"model": "srnn", "models": ["srnn"], "train": {"seed": seed}, "hp": {"srnn": {"z_dim": 16}}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    Path("metrics").mkdir(exist_ok=True)
    for model in ("srnn", "vae"):
        metrics = {"seed": seed, "resynthesis": {"rmse": rmse, "stoi": 0.9}}
        (Path("metrics") / f"{model}.json").write_text(json.dumps(metrics))
    git("add", "-A")
    git("commit", "-qm", name)
    git("update-ref", f"refs/exps/ab/{'c' * 38}/{name}", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    return tmp_path


def test_one_row_per_experiment_and_model_it_ran(repository: Path) -> None:
    experiment("first", 1, 0.04)
    experiment("second", 2, 0.05)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    assert collect.main(["out/seeds.csv"]) == 0
    rows = pd.read_csv("out/seeds.csv")
    assert rows["experiment"].tolist() == ["first", "second"]
    assert rows["model"].tolist() == ["srnn", "srnn"]
    assert rows["train.seed"].tolist() == [1, 2]
    assert rows["resynthesis.rmse"].tolist() == [0.04, 0.05]
    assert "hp.srnn.z_dim" not in rows


def test_what_was_fed_in_training_is_kept_where_all_agree(repository: Path) -> None:
    """compare reads it from there where no metric says it."""
    params = {"model": "srnn", "models": ["srnn"], "hp": {"srnn": {"z_dim": 16, "scheduled_sampling": None}}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    Path("metrics").mkdir()
    Path("metrics/srnn.json").write_text('{"resynthesis": {"rmse": 0.1}, "training_feeding": "truth"}')
    git("add", "-A")
    git("commit", "-qm", "one")
    git("update-ref", f"refs/exps/ab/{'c' * 38}/one", "HEAD")
    assert collect.main(["seeds.csv", "training_feeding"]) == 0
    lines = Path("seeds.csv").read_text().splitlines()
    assert lines == ["experiment,model,hp.srnn.scheduled_sampling,training_feeding", "one,srnn,null,truth"]


def test_patterns_choose_metrics(repository: Path) -> None:
    experiment("first", 1, 0.04)
    assert collect.main(["seeds.csv", "*.rmse"]) == 0
    assert list(pd.read_csv("seeds.csv")) == ["experiment", "model", "resynthesis.rmse"]


def test_nothing_to_collect(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("commit", "-q", "--allow-empty", "-m", "empty")
    assert collect.main(["seeds.csv"]) == 2
    assert "no experiment" in capsys.readouterr().err
    assert not Path("seeds.csv").exists()
    assert collect.main([]) == 2
