"""One thin script per stage: read params.yaml, call the package, write the outs."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# A queued run works in a copy of the repository: it must run the copy's code, wherever an editable
# installation points.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from speech_factorization.errors import InputError
from speech_factorization.files import write_json

__all__ = [
    "CHECKPOINTS",
    "METRICS",
    "OPAQUE",
    "PARAMS",
    "PLOTS",
    "PREPARED",
    "SCRATCH",
    "SOUNDS",
    "TABLES",
    "argument",
    "run",
    "say_empty",
]

# Before torch and numpy are imported: these networks are small, more threads are slower, and how sums are
# split over threads would change the last digits. `threads` in params.yaml raises torch's own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

PARAMS = Path("params.yaml")
PREPARED = Path("prepared")
CHECKPOINTS = Path("checkpoints")
METRICS = Path("metrics")
PLOTS = Path("plots")
SOUNDS = Path("sounds")
TABLES = Path("tables")
SCRATCH = Path("scratch")

# Where import closures stop: what params.yaml means reaches a stage through
# the values themselves, which DVC compares; how they are checked changes no result.
OPAQUE = frozenset({"speech_factorization.parameters", "speech_factorization.errors"})


def argument(what: str, choices: Sequence[str]) -> str:
    """The one argument on the command line. Errors: there is none, or it is no choice."""
    given = sys.argv[1:]
    if len(given) == 1 and given[0] in choices:
        return given[0]
    said = f"no such {what}: {' '.join(given)}" if given else f"which {what} is not said"
    raise InputError(said, "command line", f"name one of {', '.join(choices)}")


def say_empty(stage: str, folder: Path, reason: str) -> None:
    """Say why a stage's result is empty: on standard error, and beside the result in empty.txt."""
    print(f"{stage}: the result is empty: {reason}", file=sys.stderr)
    (folder / "empty.txt").write_text(f"{reason}\n", encoding="utf-8")


def run(main: Callable[[], None], name: str) -> None:
    """Run one stage: bad input is one line and exit status 2; its time goes to logs/NAME.json."""
    # Matplotlib must not look for a screen, and its font cache must not differ from run to run.
    os.environ.setdefault("MPLBACKEND", "agg")
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        main()
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    seconds = {"wall_seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    write_json(Path("logs") / f"{name}.json", seconds)
