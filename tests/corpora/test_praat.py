"""TextGrids: both forms, encodings, what Praat's manual says of them; and whatever else a file may hold."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.praat import Grid, Interval, Point, Tier, read_grid
from tests.corpora.grids import HEADER, grid, write_grid

ON_DISK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

LONG = HEADER + (
    "xmin = 0 \nxmax = 2.3 \ntiers? <exists> \nsize = 3 \nitem []: \n"
    '    item [1]:\n        class = "IntervalTier" \n        name = "Mary" \n'
    "        xmin = 0 \n        xmax = 2.3 \n        intervals: size = 2 \n"
    '        intervals [1]:\n            xmin = 0 \n            xmax = 1 \n            text = "" \n'
    '        intervals [2]:\n            xmin = 1 \n            xmax = 2.3 \n            text = "a ""b"" ɑ" \n'
    '    item [2]:\n        class = "IntervalTier" \n        name = "John" \n'
    "        xmin = 0 \n        xmax = 2.3 \n        intervals: size = 1 \n"
    '        intervals [1]:\n            xmin = 0 \n            xmax = 2.3 \n            text = "" \n'
    '    item [3]:\n        class = "TextTier" \n        name = "bell" \n'
    "        xmin = 0 \n        xmax = 2.3 \n        points: size = 1 \n"
    '        points [1]:\n            number = 0.5 \n            mark = "ding" \n'
)
SHORT = HEADER + (
    '0\n2.3\n<exists>\n3\n"IntervalTier"\n"Mary"\n0\n2.3\n2\n0\n1\n""\n1\n2.3\n"a ""b"" ɑ"\n'
    '"IntervalTier"\n"John"\n0\n2.3\n1\n0\n2.3\n""\n"TextTier"\n"bell"\n0\n2.3\n1\n0.5\n"ding"\n'
)
FREE = HEADER + (
    '! two speakers and "a bell\n0 2.3 <exists> 3 "IntervalTier" "Mary" 0 2.3 2 ! how many\n'
    '0 1 "" 1 23e-1 "a ""b""\nɑ" "IntervalTier" "John" 0 2.3 1 0 +2.3 "" "TextTier" "bell" 0 2.3 1 .5 "ding"'
)


def lineless(grid: Grid) -> Grid:
    """The same without line numbers."""
    return replace(
        grid,
        tiers=tuple(
            replace(
                tier,
                line=0,
                intervals=tuple(replace(one, line=0) for one in tier.intervals),
                points=tuple(replace(one, line=0) for one in tier.points),
            )
            for tier in grid.tiers
        ),
    )


def put(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.TextGrid"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


MARY = Tier("Mary", 0.0, 2.3, 0, (Interval(0.0, 1.0, "", 0), Interval(1.0, 2.3, 'a "b" ɑ', 0)))
JOHN = Tier("John", 0.0, 2.3, 0, (Interval(0.0, 2.3, "", 0),))
BELL = Tier("bell", 0.0, 2.3, 0, points=(Point(0.5, "ding", 0),), of_points=True)


@pytest.mark.parametrize("text", [LONG, SHORT, FREE], ids=["long", "short", "free"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_form_is_the_same_grid(tmp_path: Path, text: str, newline: str, encoding: str) -> None:
    path = put(tmp_path, text.replace("\n", newline).encode(encoding))
    assert lineless(read_grid(path)) == Grid(0.0, 2.3, (MARY, JOHN, BELL))


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    read = read_grid(put(tmp_path, LONG))
    lines = LONG.splitlines()
    assert [lines[tier.line - 1].split('"')[1] for tier in read.tiers] == ["IntervalTier"] * 2 + ["TextTier"]
    assert [lines[one.line - 1].strip() for one in read.tiers[0].intervals] == ["xmin = 0", "xmin = 1"]


def test_a_grid_may_have_no_tiers(tmp_path: Path) -> None:
    assert read_grid(put(tmp_path, HEADER + "0 1 <absent>\n")) == Grid(0.0, 1.0, ())


BODY = SHORT.removeprefix(HEADER)
BAD: list[tuple[str | bytes, str, str]] = [
    (b"", "the label file is empty", ""),
    (b" \n\n", "the label file is empty", ""),
    (b"ooBinaryFile\x08TextGrid\0\0", "the TextGrid is binary", "byte 0"),
    (SHORT.encode("latin-1", "replace").replace(b"Mary", b"M\xe4ry"), "neither UTF-8 nor UTF-16", "byte 86"),
    (SHORT.encode("utf-16")[:-1], "neither UTF-8 nor UTF-16", "byte"),
    (SHORT.encode("utf-16-le"), "NUL characters", "line 1"),
    (SHORT.replace("ɑ", "a").encode("utf-16-be"), "NUL characters", "line 1"),
    (SHORT.replace("ding", "di\0ng"), "NUL characters", "line 33"),
    ('"Praat chronological TextGrid text file"\n0 1\n', "in the chronological form", "line 1"),
    ('File type = "ooTextFile"\nObject class = "Pitch 1"\n', "the file is no TextGrid", "line 2"),
    ('"hello"\n"TextGrid"\n', "the file is no TextGrid", "line 1"),
    (
        "0 800 h#\n800 1600 sh\n",
        "something else where a text has to be",
        "line 1: '0.0' for type of the file",
    ),
    (HEADER, "the TextGrid is cut short", "line 2: no beginning of the grid"),
    (SHORT[: SHORT.index('"a "')], "the TextGrid is cut short", "line 17: no text of interval 2"),
    (SHORT[: SHORT.index('b"" ɑ')], "a quote inside a text is not written twice", "line 18: '\"a'"),
    (SHORT.replace('""b""', '"b"'), "a quote inside a text is not written twice", "line 18"),
    (SHORT.replace('"Mary"', '"Mary"5'), "a quote inside a text is not written twice", "line 9"),
    (SHORT.replace('"ding"', "ding"), "the TextGrid is cut short", "no text of point 1"),
    (SHORT.replace("<exists>", "<maybe>"), "neither <exists> nor <absent>", "line 6: '<maybe>'"),
    (SHORT.replace("2.3\n<exists>", "2,3\n<exists>"), "a number is malformed", "line 5: '2,3'"),
    (SHORT.replace("2.3\n<exists>", "1e999\n<exists>"), "a number is malformed", "line 5: '1e999'"),
    (SHORT.replace("2.3\n<exists>", "nan\n<exists>"), "where a number has to be", "line 6: '<exists>'"),
    (SHORT.replace("2.3\n<exists>", "0\n<exists>"), "times run backwards", "the grid from 0.0 s to 0.0 s"),
    (
        SHORT.replace("<exists>\n3", "<exists>\n2"),
        "it goes on where it should end",
        "line 27: '\"TextTier\"'",
    ),
    (SHORT.replace("<exists>\n3", "<exists>\n4"), "the TextGrid is cut short", "no class of a tier"),
    (SHORT.replace("<exists>\n3", "<exists>\n2.5"), "a number of things is none", "line 7: 2.5 tiers"),
    (SHORT.replace("<exists>\n3", "<exists>\n-1"), "a number of things is none", "line 7: -1.0 tiers"),
    (SHORT.replace("<exists>\n3", "<exists>\n1e300"), "the TextGrid is cut short", "no class of a tier"),
    (SHORT.replace("2\n0\n1\n", "3\n0\n1\n"), "something else where a number has to be", "IntervalTier"),
    (SHORT.replace("2\n0\n1\n", "1\n0\n1\n"), "something else where a text has to be", "class of a tier"),
    (SHORT.replace("2\n0\n1\n", "2\n1\n0\n"), "times run backwards", "interval 1 from 1.0 s to 0.0 s"),
    (SHORT.replace("2\n0\n1\n", "2\n0\n1.5\n"), "intervals overlap", "line 17: 1.0 s, before 1.5 s"),
    (SHORT.replace('1\n0.5\n"ding"', '2\n0.5\n"x"\n0.4\n"y"'), "times run backwards", "0.4 s after 0.5 s"),
    (SHORT.replace('"TextTier"', '"OtherTier"'), "no such class of tier", "line 27: 'OtherTier'"),
    (SHORT + '"IntervalTier"\n', "it goes on where it should end", "line 34"),
    (SHORT + "5\n", "it goes on where it should end", "line 34: '5.0'"),
]


@pytest.mark.parametrize(("content", "reason", "place"), BAD)
def test_what_is_no_textgrid_is_a_fault_with_its_line(
    tmp_path: Path, content: str | bytes, reason: str, place: str
) -> None:
    with pytest.raises(Fault) as error:
        read_grid(put(tmp_path, content))
    assert reason in error.value.reason
    assert place in error.value.place
    assert error.value.remedy
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="the label file is missing"):
        read_grid(tmp_path / "a.TextGrid")
    (tmp_path / "a.TextGrid").mkdir()
    with pytest.raises(Fault, match="the label file is unreadable"):
        read_grid(tmp_path / "a.TextGrid")


# What a label may hold: no NUL, no lone surrogates, white space as `read_grid` leaves it.
labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(
    lambda text: " ".join(text.split())
)
times = st.floats(0, 1e4, allow_subnormal=False).map(lambda time: round(time, 6))


@st.composite
def tiers(draw: st.DrawFn) -> Tier:
    edges = sorted(draw(st.sets(times, min_size=2, max_size=8)))
    name = draw(labels)
    if draw(st.booleans()):
        points = tuple(Point(edge, draw(labels), 0) for edge in edges)
        return Tier(name, edges[0], edges[-1], 0, points=points, of_points=True)
    spans = zip(edges[:-1], edges[1:], strict=True)
    intervals = tuple(Interval(begin, end, draw(labels), 0) for begin, end in spans if draw(st.booleans()))
    return Tier(name, edges[0], edges[-1], 0, intervals=intervals)


grids = st.builds(Grid, st.just(0.0), times.filter(bool), st.lists(tiers(), max_size=4).map(tuple))


@ON_DISK
@given(grids, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"]))
def test_what_is_written_is_read(tmp_path: Path, grid: Grid, short: bool, encoding: str) -> None:
    path = write_grid(tmp_path / "a.TextGrid", grid, short, encoding)
    assert lineless(read_grid(path)) == grid


def read_or_fault(path: Path) -> Grid | Fault:
    """Anything but a grid or a Fault fails the test."""
    try:
        return read_grid(path)
    except Fault as fault:
        return fault


def check(read: Grid | Fault) -> None:
    """What every grid and every Fault promises."""
    if isinstance(read, Fault):
        assert read.reason
        assert read.remedy
        assert "\n" not in str(read)
        return
    assert 0 <= read.end - read.begin < float("inf")
    for tier in read.tiers:
        assert all(one.begin < one.end for one in tier.intervals)
        pairs = zip(tier.intervals, tier.intervals[1:], strict=False)
        assert all(before.end <= after.begin + 1e-6 for before, after in pairs)
        assert not (tier.intervals and tier.points)


@ON_DISK
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEADER + text).encode("utf-16")))
def test_no_bytes_make_it_fail(tmp_path: Path, content: bytes) -> None:
    check(read_or_fault(put(tmp_path, content)))


pieces = st.sampled_from(
    [
        '"IntervalTier"',
        '"TextTier"',
        '"a"',
        '""',
        '"',
        "0",
        "1",
        "2",
        "2.5",
        "-1",
        "<exists>",
        "!x",
        "xmin",
        "\n",
    ]
)


@ON_DISK
@given(st.lists(pieces, max_size=30))
def test_no_words_make_it_fail(tmp_path: Path, words: list[str]) -> None:
    check(read_or_fault(put(tmp_path, HEADER + "0 2 <exists> " + " ".join(words))))


@ON_DISK
@given(st.sampled_from([LONG, SHORT]), st.integers(0, 700), st.integers(0, 3), st.binary(max_size=3))
def test_a_damaged_file_is_a_fault_or_a_grid_in_order(
    tmp_path: Path, text: str, place: int, cut: int, fresh: bytes
) -> None:
    content = text.encode("utf-8")
    check(read_or_fault(put(tmp_path, content[:place] + fresh + content[place + cut :])))


def test_a_line_less_is_a_fault(tmp_path: Path) -> None:
    """No line that counts can be lost without notice."""
    lines = SHORT.splitlines(keepends=True)
    for number in range(len(lines)):
        if lines[number].strip():
            with pytest.raises(Fault):
                read_grid(put(tmp_path, "".join(lines[:number] + lines[number + 1 :])))


def test_a_grid_of_an_hour_is_read_in_a_second(tmp_path: Path) -> None:
    phones = [(i / 12, (i + 1) / 12, "AH0") for i in range(12 * 3600)]
    read = read_grid(write_grid(tmp_path / "a.TextGrid", grid(3600.0, phones=phones)))
    assert len(read.tiers[0].intervals) == 12 * 3600
