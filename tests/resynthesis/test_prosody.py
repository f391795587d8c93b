"""F0 moved, shifted, flattened and swapped, by hand; and codes that say so."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speech_factorization.resynthesis.pitch.statistics import Statistics, of_f0
from speech_factorization.resynthesis.prosody import (
    flattened,
    flattened_codes,
    moved,
    shifted,
    shifted_codes,
    swapped,
    with_contour,
)
from tests.resynthesis.speaking import Toy, spoken

CONTOUR = np.array([0, 100, 110, 0, 121, 100, 0], np.float32)


def test_an_octave_up_and_back() -> None:
    assert shifted(CONTOUR, 12) == pytest.approx(2 * CONTOUR, rel=1e-6)
    assert shifted(shifted(CONTOUR, 3.5), -3.5) == pytest.approx(CONTOUR, rel=1e-6)
    assert shifted(CONTOUR, 0).dtype == np.float32


def test_moved_has_the_targets_statistics() -> None:
    source, target = of_f0(np.tile(CONTOUR, 3)), Statistics(math.log(220), 0.3)
    found = of_f0(np.tile(moved(CONTOUR, source, target), 3))
    assert found.mean == pytest.approx(target.mean, abs=1e-6)
    assert found.std == pytest.approx(target.std, rel=1e-5)
    # Without any spread of its own there is none to stretch.
    assert moved(CONTOUR, Statistics(5.0, 0.0), target) == pytest.approx(
        np.where(CONTOUR > 0, 220, 0), rel=1e-6
    )


def test_flat_is_the_geometric_mean() -> None:
    mean = (100 * 110 * 121 * 100) ** 0.25
    assert flattened(CONTOUR) == pytest.approx(np.where(CONTOUR > 0, mean, 0), rel=1e-6)
    given_mean = flattened(CONTOUR, Statistics(math.log(200), 0.1))
    assert given_mean == pytest.approx(np.where(CONTOUR > 0, 200, 0), rel=1e-6)


def test_swapped_is_stretched_and_filled_in() -> None:
    other = np.array([0, 100, 0, 400, 0], np.float32)
    found = swapped(np.full(9, 150, np.float32), other)
    # Its middle lies half-way in log F0; both ends hold the nearest value.
    assert found == pytest.approx([100, 100, 100, 100 * 2**0.5, 200, 200 * 2**0.5, 400, 400, 400], rel=1e-5)
    assert swapped(CONTOUR, np.zeros(5, np.float32)) == pytest.approx(CONTOUR)
    assert len(swapped(np.zeros(0, np.float32), other)) == 0
    assert swapped(np.array([150], np.float32), other) == pytest.approx([100])


@given(
    f0=st.lists(st.one_of(st.just(0.0), st.floats(60, 500)), max_size=40),
    other=st.lists(st.one_of(st.just(0.0), st.floats(60, 500)), max_size=40),
)
def test_no_change_touches_the_voicing(f0: list[float], other: list[float]) -> None:
    contour, a, b = np.array(f0, np.float32), Statistics(5.0, 0.2), Statistics(4.8, 0.1)
    changed = [
        moved(contour, a, b),
        shifted(contour, -7),
        flattened(contour),
        swapped(contour, np.array(other)),
    ]
    for found in changed:
        assert found.shape == contour.shape
        assert np.isfinite(found).all()
        assert ((found > 0) == (contour > 0)).all()


@pytest.fixture
def wave() -> torch.Tensor:
    return torch.from_numpy(spoken("bob", "three"))


def voiced(model: Toy, codes) -> np.ndarray:
    f0 = model.decode_pitch(codes).numpy()
    return np.log(f0[f0 > 0])


@pytest.mark.parametrize("absolute", [True, False])
def test_shifted_codes_are_higher(wave: torch.Tensor, absolute: bool) -> None:
    model = Toy(absolute)
    codes = model.encode(wave)
    f0 = model.decode_pitch(codes).numpy()
    higher = shifted_codes(model, codes, f0, 2.0)
    step = voiced(model, higher) - voiced(model, codes)
    assert step == pytest.approx(np.full(len(step), math.log(2) / 6), abs=1e-5 if absolute else 0.02)
    # A generator that knows F0 in Hz is told by the statistics, any other by the codes alone.
    assert torch.equal(higher.pitch, codes.pitch) == absolute
    assert (higher.statistics == codes.statistics) == (not absolute)


@pytest.mark.parametrize("absolute", [True, False])
def test_flattened_codes_have_one_height(wave: torch.Tensor, absolute: bool) -> None:
    model = Toy(absolute)
    codes = model.encode(wave)
    assert voiced(model, codes).std() > 0.05
    flat = flattened_codes(model, codes, model.decode_pitch(codes).numpy())
    assert voiced(model, flat) == pytest.approx(
        np.full(len(voiced(model, codes)), codes.statistics.mean), abs=0.02
    )
    assert voiced(model, flat).std() < 1e-6
    assert torch.equal(flat.content, codes.content)


def test_another_contour(wave: torch.Tensor) -> None:
    model = Toy()
    codes = model.encode(wave)
    f0 = model.decode_pitch(codes).numpy()
    falling = swapped(f0, np.linspace(130, 100, 9))
    found = model.decode_pitch(with_contour(model, codes, falling)).numpy()
    both = (found > 0) & (falling > 0)
    assert both.sum() > 100
    assert np.log(found[both]) == pytest.approx(np.log(falling[both]), abs=0.05)
