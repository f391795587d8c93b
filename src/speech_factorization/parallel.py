"""Work on many items in several processes: results come in the items' order, few of them are in memory."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.reduction import ForkingPickler
from typing import Any, TypeVar

from speech_factorization.errors import InputError

__all__ = ["AHEAD", "in_order"]

AHEAD = 4
"""Items per process that are drawn before the first of their results is taken."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """function(item) of every item, in the items' order, worked out in `jobs` processes (1: in this one).

    At most AHEAD * jobs items are drawn ahead of the result that is taken, however many there are, and none with one
    job. Items and results go from process to process, so both are to be small enough to copy.
    Errors, each in its item's turn: an InputError of `function` as it is; any other exception as a RuntimeError that
    names the item (its `str`); a RuntimeError where a process ends in the midst of its work.
    """
    if jobs <= 1:
        return (_named(function, item) for item in items)
    return _in_processes(function, items, jobs)


def _in_processes(function: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    # A forked worker starts at once and needs no copy of what `function` holds; elsewhere than on Linux forking
    # is not safe for NumPy.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(jobs, context, _start, (function,))
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            waiting.append((item, _submitted(pool, item)))
            if len(waiting) >= AHEAD * jobs:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, item: Any) -> "Future[Any]":
    """The result to be; where a process has ended, that fault, in the item's turn."""
    # Packed here: the pool may hang for good on an item that cannot be.
    packed = bytes(ForkingPickler.dumps(item))
    try:
        return pool.submit(_work, packed)
    except BrokenProcessPool as error:
        broken: Future[Any] = Future()
        broken.set_exception(error)
        return broken


def _first(waiting: deque[tuple[Item, Future[Result]]]) -> Result:
    """The result that is due."""
    item, future = waiting.popleft()
    try:
        return future.result()
    except BrokenProcessPool as error:
        others = f" or one of the {len(waiting)} after it" if waiting else ""
        raise RuntimeError(
            f"{item}{others}: a process ended in the midst of its work (memory ran out, or it crashed); "
            "set jobs to 1 to see at which, or for less memory"
        ) from error


_function: Callable[[Any], Any]
"""What a worker does, once it has started."""


def _start(function: Callable[[Any], Any]) -> None:
    """Prepare a worker: an interrupt is for the process that started it, and it does not outlive that one."""
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(packed: bytes) -> Any:
    return _named(_function, ForkingPickler.loads(packed))


def _named(function: Callable[[Item], Result], item: Item) -> Result:
    """function(item); an error that is not about input names the item."""
    try:
        return function(item)
    except InputError:
        raise
    except Exception as error:
        raise RuntimeError(f"{item}: {type(error).__name__}: {error}") from error
