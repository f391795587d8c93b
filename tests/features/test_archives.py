"""Archives: exact round trips, no absolute path, damage in one line; a killed writer's is gone on with."""

import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path

import kaldiio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.features.archives import (
    Archive,
    Writer,
    whole_entries,
    write_matrices,
    write_waves,
)


def arrays():
    rng = np.random.default_rng(0)
    return {"b": rng.normal(size=(20, 200)), "a-1": rng.normal(size=(3, 7)), "ä": rng.normal(size=5)}


def test_matrices_and_vectors_come_back_exactly(tmp_path):
    written = {key: value.astype(np.float32) for key, value in arrays().items()}
    assert write_matrices(tmp_path / "x", written.items()) == 3
    archive = Archive(tmp_path / "x")
    assert list(archive) == ["b", "a-1", "ä"]
    assert len(archive) == 3
    assert "b" in archive
    assert "c" not in archive
    for key in ("ä", "b", "a-1", "b"):
        assert archive[key].dtype == np.float32
        np.testing.assert_array_equal(archive[key], written[key])
    with pytest.raises(KeyError):
        archive["c"]


def test_int16_waves_come_back_exactly(tmp_path):
    rng = np.random.default_rng(1)
    waves = {
        f"u{i}": rng.integers(-32768, 32768, size=n, dtype=np.int16) for i, n in enumerate((1, 1001, 16_000))
    }
    write_waves(tmp_path / "audio", waves.items())
    archive = Archive(tmp_path / "audio")
    for key, wave in waves.items():
        assert archive[key].dtype == np.int16
        np.testing.assert_array_equal(archive[key], wave)


def test_the_folder_can_be_moved_and_names_no_place(tmp_path):
    first = tmp_path / "first"
    write_matrices(first / "x", arrays().items())
    assert str(tmp_path).encode() not in (first / "x.ark").read_bytes() + (first / "x.scp").read_bytes()
    shutil.move(first, tmp_path / "second")
    np.testing.assert_array_equal(Archive(tmp_path / "second" / "x")["b"], arrays()["b"].astype(np.float32))


def test_kaldi_tools_read_it_from_its_folder(tmp_path, monkeypatch):
    write_matrices(tmp_path / "x", arrays().items())
    monkeypatch.chdir(tmp_path)
    for key, value in kaldiio.load_scp("x.scp").items():
        np.testing.assert_array_equal(value, arrays()[key].astype(np.float32))
    assert [key for key, _ in kaldiio.load_ark("x.ark")] == list(arrays())


def test_same_data_same_bytes(tmp_path):
    for folder in ("one", "two"):
        write_matrices(tmp_path / folder / "x", arrays().items())
    for name in ("x.ark", "x.scp"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("key", ["", "two words", "tab\t", "a"])
def test_a_bad_key_leaves_nothing_behind(tmp_path, key):
    one = np.zeros((1, 1))
    with pytest.raises(InputError, match="key"):
        write_matrices(tmp_path / "x", [("a", one), (key, one)])
    assert list(tmp_path.iterdir()) == []


def test_only_mono_int16_is_a_wave(tmp_path):
    for wave in (np.zeros(5, np.float32), np.zeros((5, 2), np.int16)):
        with pytest.raises(InputError, match="mono int16"):
            write_waves(tmp_path / "x", [("a", wave)])


def test_what_is_missing_or_damaged_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such archive"):
        Archive(tmp_path / "x")
    write_matrices(tmp_path / "x", [("a", np.ones((50, 50)))])
    whole = (tmp_path / "x.ark").read_bytes()
    (tmp_path / "x.ark").write_bytes(whole[:-100])
    with pytest.raises(InputError, match="a: cut short or damaged"):
        Archive(tmp_path / "x")["a"]
    (tmp_path / "x.ark").write_bytes(whole[:2] + b"PKL" + whole[5:])
    with pytest.raises(InputError, match="neither a matrix nor a wave"):
        Archive(tmp_path / "x")["a"]
    (tmp_path / "x.scp").write_text("a elsewhere.ark:2\n")
    with pytest.raises(InputError, match=r"x\.scp:1"):
        Archive(tmp_path / "x")


def grown(folder, items, killed_after=None, take=()):
    """Write an archive where a killed writer may have been; its bytes."""
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt), Writer(folder / "x", go_on=True) as writer:
        taken = list(itertools.takewhile(lambda key: writer.take([key]), take))
        for number, (key, array) in enumerate(items[len(taken) :]):
            if number == killed_after:
                raise KeyboardInterrupt
            (writer.add_wave if array.dtype == np.int16 else writer.add_matrix)(key, array)
    return taken, [(folder / name).read_bytes() for name in ("x.ark", "x.scp")]


ITEMS = [(f"u{i}", np.full((i % 3 + 1, 4), i)) for i in range(12)]
ITEMS += [(f"wä{i}", np.full(20, i, np.int16)) for i in range(4)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of both files, written at once."""
    folder = tmp_path_factory.mktemp("whole")
    _, files = grown(folder, ITEMS)
    with Writer(folder / "y") as writer:
        for key, array in ITEMS:
            (writer.add_wave if array.dtype == np.int16 else writer.add_matrix)(key, array)
    assert (folder / "y.ark").read_bytes() == files[0]
    assert (folder / "y.scp").read_text() == files[1].decode().replace("x.ark", "y.ark")
    return files


@given(ark=st.integers(0, 1500), scp=st.integers(0, 300), take=st.booleans())
@settings(deadline=None)
def test_a_killed_writer_is_gone_on_with(whole, ark, scp, take):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "x.ark").write_bytes(whole[0][:ark])
        (folder / "x.scp").write_bytes(whole[1][:scp])
        taken, files = grown(folder, ITEMS, take=[key for key, _ in ITEMS] if take else ())
        assert files == whole
        # All that is whole in both, but for the last.
        ends = [whole[0].find(f"{key} ".encode()) for key, _ in ITEMS[1:]]
        lines = np.cumsum([len(line) for line in whole[1].splitlines(keepends=True)])
        both = min(sum(end <= ark for end in ends), max(sum(end <= scp for end in lines) - 1, 0))
        assert len(taken) == (both if take else 0)


@given(
    ark=st.binary(max_size=400),
    scp=st.binary(max_size=80) | st.from_regex(rb"(u[0-3] x\.ark:[0-9]{1,3}\n){0,5}", fullmatch=True),
    keep=st.integers(0, 1500),
)
@settings(deadline=None)
def test_whatever_stands_there_the_bytes_are_those_of_the_arrays(whole, ark, scp, keep):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "x.ark").write_bytes(whole[0][:keep] + ark)
        (folder / "x.scp").write_bytes(scp)
        assert grown(folder, ITEMS)[1] == whole


def test_other_arrays_than_the_killed_writers(tmp_path, whole):
    grown(tmp_path, ITEMS, killed_after=9)
    for other in (ITEMS[:5], ITEMS[3:], [*ITEMS[:4], ("new", np.ones(3)), *ITEMS[4:]], ITEMS[::-1]):
        _, files = grown(tmp_path, other)
        assert files == grown(tmp_path / "fresh", other)[1]
        shutil.rmtree(tmp_path / "fresh")
    assert grown(tmp_path, ITEMS)[1] == whole


def test_a_failed_writer_keeps_what_there_is(tmp_path, whole):
    for after in (4, 2, 7):
        grown(tmp_path, ITEMS, killed_after=after)
    assert len(list(whole_entries(tmp_path / "x"))) == 6
    taken, files = grown(tmp_path, ITEMS, take=[key for key, _ in ITEMS])
    assert (len(taken), files) == (6, whole)


def test_only_what_comes_next_is_taken(tmp_path, whole):
    grown(tmp_path, ITEMS, killed_after=9)
    with Writer(tmp_path / "x", go_on=True) as writer:
        assert writer.take(["u0"])
        assert writer.take([])
        assert writer.take(["u1", "u2"])
        assert not writer.take(["u4"])
        assert not writer.take(["u3"])
        for key, array in ITEMS[3:]:
            (writer.add_wave if array.dtype == np.int16 else writer.add_matrix)(key, array)
    assert [(tmp_path / name).read_bytes() for name in ("x.ark", "x.scp")] == whole
