"""How far work on many items is, on standard error: a bar on a terminal, else a line per tenth."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

__all__ = ["QUIET", "shown"]

QUIET = 10.0
"""Seconds between two lines at least: what is done sooner says nothing."""

Item = TypeVar("Item")


def shown(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """The same items, `total` in number; one is done when the next is asked for."""
    return (_bar if sys.stderr.isatty() else _lines)(items, total, what)


def _bar(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    bar: tqdm[Any] | None = None
    try:
        for item in items:
            # Not sooner: its thread would be forked into the processes that work on the items.
            if bar is None:
                bar = tqdm(desc=what, total=total, leave=False, dynamic_ncols=True)
            yield item
            bar.update()
    finally:
        if bar is not None:
            bar.close()


def _lines(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    begin = last = time.monotonic()
    said = 0
    for done, item in enumerate(items):
        now, tenth = time.monotonic(), 10 * done // max(total, 1)
        if tenth > said and now - last >= QUIET:
            said, last = tenth, now
            left = _time((now - begin) * (total - done) / done)
            print(f"{what}: {done} of {total}, {left} left", file=sys.stderr, flush=True)
        yield item


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
