"""Archives: exact round trips, no absolute path, damage in one line."""

import shutil

import kaldiio
import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive, write_matrices, write_waves


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
