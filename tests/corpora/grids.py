"""A small writer of TextGrids, in both text forms, for tests."""

from collections.abc import Sequence
from pathlib import Path

from speech_factorization.corpora.praat import Grid, Interval, Point, Tier

HEADER = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'


def tier(name: str, labels: Sequence[tuple[float, float, str]], end: float) -> Tier:
    """An interval tier from 0 to `end`."""
    return Tier(name, 0.0, end, 0, intervals=tuple(Interval(*label, 0) for label in labels))


def grid(end: float, **tiers: Sequence[tuple[float, float, str]]) -> Grid:
    """A grid of interval tiers from 0 to `end`; "__" in a keyword stands for " - "."""
    return Grid(0.0, end, tuple(tier(name.replace("__", " - "), own, end) for name, own in tiers.items()))


def write_grid(path: Path, grid: Grid, short: bool = False, encoding: str = "utf-8") -> Path:
    """Write a TextGrid as Praat does; UTF-16 gets its byte-order mark. Makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = HEADER + (_short(grid) if short else _long(grid))
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(encoding, "")
    path.write_bytes((mark + text).encode(encoding))
    return path


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _items(tier: Tier) -> tuple[str, Sequence[Interval | Point]]:
    return ("TextTier", tier.points) if tier.of_points else ("IntervalTier", tier.intervals)


def _short(grid: Grid) -> str:
    lines = [str(grid.begin), str(grid.end), "<exists>", str(len(grid.tiers))]
    for tier in grid.tiers:
        kind, items = _items(tier)
        lines += [_quoted(kind), _quoted(tier.name), str(tier.begin), str(tier.end), str(len(items))]
        for item in items:
            times = [item.time] if isinstance(item, Point) else [item.begin, item.end]
            lines += [*map(str, times), _quoted(item.text)]
    return "\n".join(lines) + "\n"


def _long(grid: Grid) -> str:
    lines = [f"xmin = {grid.begin} ", f"xmax = {grid.end} ", "tiers? <exists> "]
    lines += [f"size = {len(grid.tiers)} ", "item []: "]
    for number, tier in enumerate(grid.tiers, start=1):
        kind, items = _items(tier)
        word = "points" if tier.of_points else "intervals"
        lines += [f"    item [{number}]:", f"        class = {_quoted(kind)} "]
        lines += [f"        name = {_quoted(tier.name)} ", f"        xmin = {tier.begin} "]
        lines += [f"        xmax = {tier.end} ", f"        {word}: size = {len(items)} "]
        for place, item in enumerate(items, start=1):
            lines += [f"        {word} [{place}]:"]
            if isinstance(item, Point):
                lines += [f"            number = {item.time} ", f"            mark = {_quoted(item.text)} "]
            else:
                lines += [f"            xmin = {item.begin} ", f"            xmax = {item.end} "]
                lines += [f"            text = {_quoted(item.text)} "]
    return "\n".join(lines) + "\n"
