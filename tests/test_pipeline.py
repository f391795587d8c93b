"""The three ways the pipeline is used, literally, through DVC in a temporary clone at `smoke` scale."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[1]

# Of every kind one or two: a stage of Python costs seconds before it has done anything.
MODELS = ["identity", "vae", "srnn", "segment_vae", "dnf_phone", "fdnf", "glow", "speech_resynthesis"]

pytestmark = pytest.mark.slow


class Clone:
    """A clone of this working tree, with commands run in it as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Not the path to this tree's package: a clone runs its own.
        self.environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "t",
            "GIT_AUTHOR_EMAIL": "t@t",
            "GIT_COMMITTER_NAME": "t",
            "GIT_COMMITTER_EMAIL": "t@t",
        }
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).unlink(missing_ok=True)
            if (ROOT / name).exists():
                shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)

    def run(self, command: str, status: int = 0) -> str:
        """Run one command line; its output, both streams. The exit status must be `status`."""
        done = subprocess.run(
            command.split(),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        output = done.stdout + done.stderr
        assert done.returncode == status, output[-5000:]
        return output

    def commit(self, message: str) -> None:
        """Commit everything git sees."""
        self.run("git add -A")
        subprocess.run(
            ["git", "commit", "-q", "--allow-empty", "-m", message],
            cwd=self.folder,
            env=self.environment,
            check=True,
        )

    def metrics(self, name: str) -> dict[str, Any]:
        """metrics/NAME.json."""
        found: dict[str, Any] = json.loads((self.folder / "metrics" / f"{name}.json").read_text())
        return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = Clone(tmp_path_factory.mktemp("pipeline") / "clone")
    params = clone.folder / "params.yaml"
    smoke = OmegaConf.load(ROOT / "stages/conf/scale/smoke.yaml")
    OmegaConf.save(OmegaConf.merge(OmegaConf.load(params), smoke, {"models": MODELS}), params)
    clone.run("dvc repro")
    clone.commit("smoke")
    return clone


def test_everything_is_made(clone: Clone) -> None:
    for name in MODELS:
        assert clone.metrics(name)["scale"] == "smoke"
        assert (clone.folder / "checkpoints" / name).is_dir()
    for table in ("alignment", "judges", "dynamical", "manipulation", "units", "coding", "vowels"):
        for ending in ("csv", "md", "tex"):
            assert (clone.folder / "tables" / f"{table}.{ending}").stat().st_size > 0
    assert "<table>" in (clone.folder / "report" / "index.html").read_text()


def test_second_repro_does_nothing(clone: Clone) -> None:
    output = clone.run("dvc repro")
    assert "Running stage" not in output
    assert "up to date" in output


def test_one_model_as_an_experiment(clone: Clone) -> None:
    others = {name: clone.metrics(name) for name in ("identity", "vae", "segment_vae", "judges", "alignment")}
    before = clone.metrics("srnn")
    output = clone.run("dvc exp run -S model=srnn -S hp.srnn.z_dim=4")
    assert "train@srnn" in output
    assert "train@vae" not in output
    assert "Running stage 'corpus'" not in output
    assert {name: clone.metrics(name) for name in others} == others
    assert clone.metrics("srnn")["parameters"] < before["parameters"]

    diff = json.loads(clone.run("dvc metrics diff --json"))
    assert list(diff) == ["metrics/srnn.json"]

    assert "rows in" in clone.run("python -m stages.collect docs/results/queue.csv *.rmse parameters")
    rows = (clone.folder / "docs/results/queue.csv").read_text().splitlines()
    assert len(rows) == 2
    assert "srnn" in rows[1]
    clone.run("git checkout -q .")
    clone.run("dvc checkout -q")
    assert "Running stage" not in clone.run("dvc repro")


def test_a_change_trains_again_what_it_concerns_and_no_more(clone: Clone) -> None:
    def reached(change: str) -> set[str]:
        """Stages whose parameters or code are others after a change of one parameter, which dvc would run."""
        params = clone.folder / "params.yaml"
        OmegaConf.save(OmegaConf.merge(OmegaConf.load(params), OmegaConf.from_dotlist([change])), params)
        said = clone.run("dvc repro --dry")
        clone.run("git checkout -q params.yaml")
        return set(re.findall(r"Running stage '([^']+)'", said))

    generator = reached("hp.speech_resynthesis.generator=istft")
    assert "train@speech_resynthesis" in generator
    assert not {"units", "pitch", "speaker", "inputs", "judges", "train@glow", "train@vae"} & generator
    units = reached("units.kmeans.codes=50")
    assert "units" in units
    assert not {"pitch", "speaker", "judges", "train@glow", "train@vae"} & units


def test_gate(clone: Clone) -> None:
    clone.run("python -m stages.gate HEAD", status=0)
    path = clone.folder / "metrics" / "srnn.json"
    kept = path.read_text()
    worse = json.loads(kept)
    worse["resynthesis"]["rmse"] += 0.1
    path.write_text(json.dumps(worse))
    assert "worse: srnn:resynthesis.rmse" in clone.run("python -m stages.gate HEAD", status=1)
    path.write_text(kept)
    clone.run("python -m stages.gate no-such-revision", status=2)


def test_typo_names_the_models_there_are(clone: Clone) -> None:
    output = clone.run("dvc exp run -S model=srmm", status=255)
    assert "srnn" in output


def test_bad_parameter_stops_before_any_work(clone: Clone) -> None:
    output = clone.run("dvc exp run -S hp.srnn.z_dim=-1 -S train.seed=no", status=255)
    assert "hp.srnn.z_dim" in output
    assert "train.seed" in output
    assert "Traceback" not in output
    clone.run("git checkout -q .")
