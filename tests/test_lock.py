"""dvc.lock is true to the code, the parameters and the stages."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_lock_matches_code(tmp_path: Path) -> None:
    """In a clone without data `dvc repro --allow-missing --dry` finds nothing to run."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], check=True)
    dvc = Path(sys.executable).with_name("dvc")
    done = subprocess.run(
        [dvc, "repro", "--allow-missing", "--dry"], cwd=tmp_path / "clone", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    stale = [line for line in done.stdout.splitlines() if line.startswith("Running stage")]
    assert not stale, f"dvc.lock is stale: run make repro and commit dvc.lock, metrics and plots ({stale})"
