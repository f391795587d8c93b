"""Units with durations are the same as units with duplicates."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive, write_matrices
from speech_factorization.resynthesis.units.durations import Stored, deduplicate, from_array, repeat, to_array


def test_runs_become_one() -> None:
    codes, durations = deduplicate(torch.tensor([4, 4, 4, 1, 0, 0, 4]))
    assert codes.tolist() == [4, 1, 0, 4]
    assert durations.tolist() == [3, 1, 2, 1]


@given(st.lists(st.integers(0, 3), max_size=60))
def test_there_and_back(given_codes: list[int]) -> None:
    stream = torch.tensor(given_codes, dtype=torch.int64)
    codes, durations = deduplicate(stream)
    assert torch.equal(repeat(codes, durations), stream)
    assert (codes.diff() != 0).all()
    assert durations.sum() == len(stream)


@pytest.mark.parametrize("duplicates", ["kept", "removed"])
def test_an_archive_of_either_form_holds_the_codes(
    duplicates: Literal["kept", "removed"], tmp_path: Path
) -> None:
    stream = torch.tensor([9, 9, 30_000, 30_000, 30_000, 2])
    write_matrices(tmp_path / "codes", [("a", to_array(stream, duplicates))])
    held = Archive(tmp_path / "codes")["a"]
    assert held.shape == ((6,) if duplicates == "kept" else (3, 2))
    assert torch.equal(from_array(held), stream)
    stored = Stored(tmp_path / "codes")
    assert {name: codes.tolist() for name, codes in stored.items()} == {"a": stream.tolist()}
    assert "b" not in stored


@pytest.mark.parametrize("array", [np.zeros((3, 5)), np.array([0.5, 1.0]), np.zeros((2, 2, 2))])
def test_another_array_is_refused(array: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match="no units"):
        from_array(array)
