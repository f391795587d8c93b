"""Results in order whatever the number of processes, few items ahead, faults named, nothing left running."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from pickle import PicklingError

import numpy as np
import pytest
from numpy.typing import NDArray

from speech_factorization.corpora.faults import Fault
from speech_factorization.errors import InputError
from speech_factorization.parallel import AHEAD, in_order

ROOT = Path(__file__).parents[1]

# Two processes that work for a minute, and a line per item that says in which.
WORKING = r"""
import os, time
from speech_factorization.parallel import in_order
def work(item):
    os.write(1, f"{os.getpid()}\n".encode())
    time.sleep(60)
list(in_order(work, range(4), 2))
"""


def uneven(item: int) -> tuple[int, int]:
    """The item, later where it is even; and where it was worked on."""
    time.sleep(0.02 * (item % 2 == 0))
    return item, os.getpid()


def large(item: int) -> NDArray[np.uint8]:
    return np.full(1_000_000, item % 256, np.uint8)


def faulty(kind: str, item: int) -> int:
    if item == 5:
        match kind:
            case "fault":
                raise Fault("the audio is silent", Path("wav") / "5.wav", "peak 0", "leave it out")
            case "input":
                raise InputError("no such thing", "5", "look elsewhere")
            case "bug":
                raise ZeroDivisionError("by nought")
            case "death":
                os._exit(3)
    return item


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_come_in_order(jobs: int) -> None:
    results = list(in_order(uneven, range(20), jobs))
    assert [item for item, _ in results] == list(range(20))
    workers = {process for _, process in results}
    assert (workers == {os.getpid()}) if jobs == 1 else (os.getpid() not in workers)
    assert len(workers) <= jobs
    assert not multiprocessing.active_children()


def test_nothing_to_do() -> None:
    assert list(in_order(uneven, [], 2)) == []


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_few_items_are_drawn_ahead(jobs: int) -> None:
    drawn = 0

    def items() -> Iterator[int]:
        nonlocal drawn
        for item in range(100):
            drawn += 1
            yield item

    ahead = []
    for taken, _ in enumerate(in_order(uneven, items(), jobs)):
        ahead.append(drawn - taken - 1)
    assert max(ahead) <= (AHEAD * jobs - 1 if jobs > 1 else 0)
    assert drawn == 100


def peak(jobs: int, count: int) -> int:
    """Bytes in use at most while that many results of 1 MB pass through."""
    tracemalloc.start()
    try:
        for result in in_order(large, iter(range(count)), jobs):
            assert len(result) == 1_000_000
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("jobs", [1, 2])
def test_memory_does_not_grow_with_the_number_of_items(jobs: int) -> None:
    bound = (AHEAD * jobs + 4) * 1_000_000 if jobs > 1 else 3_000_000
    assert peak(jobs, 20) < bound
    assert peak(jobs, 120) < bound


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("fault", Fault, r"^wav/5\.wav, peak 0: the audio is silent; leave it out$"),
        ("input", InputError, "^5: no such thing; look elsewhere$"),
        ("bug", RuntimeError, "^5: ZeroDivisionError: by nought$"),
    ],
)
def test_a_fault_names_the_item_and_comes_in_its_turn(
    jobs: int, kind: str, error: type[Exception], message: str
) -> None:
    results = in_order(partial(faulty, kind), range(10), jobs)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(error, match=message) as raised:
        next(results)
    assert raised.type is error
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_said_in_one_line() -> None:
    with pytest.raises(
        RuntimeError, match=r"^\d+ or one of the \d+ after it: a process ended .*; set jobs to 1"
    ):
        list(in_order(partial(faulty, "death"), range(30), 2))


@pytest.mark.parametrize("good", [0, 3])
def test_an_item_that_cannot_be_sent_is_an_error_and_no_hang(good: int) -> None:
    items: list[object] = [*range(good), *[lambda: 3] * 30]
    with pytest.raises((AttributeError, PicklingError), match="lambda"):
        list(in_order(str, items, 2))
    assert not multiprocessing.active_children()


def test_nobody_works_on_when_the_results_are_not_wanted() -> None:
    results = in_order(uneven, range(1000), 2)
    next(results)
    assert multiprocessing.active_children()
    results.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def wait_for(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.05)


def alive(process: int) -> bool:
    """Whether it runs still; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_outlives_the_one_that_started_it() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    parent = subprocess.Popen(
        [sys.executable, "-c", WORKING],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert parent.stdout is not None
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        # A terminal sends an interrupt to all of them: what follows from it, the parent says.
        for worker in workers:
            os.kill(worker, signal.SIGINT)
        time.sleep(0.1)
        assert all(map(alive, workers))
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()
    wait_for(lambda: not any(map(alive, workers)))
