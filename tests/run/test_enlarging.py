"""Enlarged maps keep their weight and its place, and are smooth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnforge.sheets.enlarging import enlarge

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 60))
softnesses = st.sampled_from([0.0, 0.3, 0.5, 2.0, 30.0])


def random_map(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((2, height, width))


def centre(one: np.ndarray) -> tuple[float, float]:
    """Centre of mass in shares of the sides."""
    places = (np.arange(len(one)) + 0.5) / len(one)
    return float(one.sum(1) @ places / one.sum()), float(one.sum(0) @ places / one.sum())


@given(sizes, softnesses)
def test_no_weight_is_lost_or_invented(size: tuple[int, int, int], softness: float) -> None:
    height, width, side = size
    maps = random_map(height, width)
    large = enlarge(maps, side, softness=softness)
    assert large.shape == (2, side, side)
    np.testing.assert_allclose(large.mean(axis=(1, 2)), maps.mean(axis=(1, 2)), rtol=1e-9)
    assert large.min() >= 0
    assert large.max() <= maps.max() * (1 + 1e-9)


@given(sizes, softnesses)
def test_an_even_map_stays_even_up_to_its_borders(size: tuple[int, int, int], softness: float) -> None:
    height, width, side = size
    np.testing.assert_allclose(enlarge(np.full((height, width), 0.3), side, softness=softness), 0.3)


def test_a_bump_stays_where_it_is_and_has_the_width_of_its_gaussian() -> None:
    cells = np.zeros((16, 16))
    cells[9, 6] = 1
    large = enlarge(cells, 160, softness=0.5)
    assert centre(large) == pytest.approx((9.5 / 16, 6.5 / 16), abs=1e-6)
    profile = large.sum(axis=1) / large.sum()
    places = np.arange(160) + 0.5
    spread = profile @ (places - 95) ** 2
    # a square of 10 pixels has a variance of (100 - 1) / 12 at pixels; the Gaussian adds (0.5 * 10)^2
    assert spread == pytest.approx(99 / 12 + 25, rel=1e-3)
    assert np.unravel_index(large.argmax(), large.shape) in {(r, c) for r in (94, 95) for c in (64, 65)}


def test_cells_do_not_show_as_squares() -> None:
    """Between two cells of 0 and 1 no two neighbouring pixels differ by more than a smooth slope does."""
    cells = np.tile(np.repeat([0.0, 1.0], 4), (8, 1))
    sharp, smooth = enlarge(cells, 80, softness=0), enlarge(cells, 80)
    assert np.abs(np.diff(sharp, axis=1)).max() == pytest.approx(1)
    # the steepest slope of a Gaussian edge of 5 pixels, 1 / (5 sqrt(2 pi))
    assert np.abs(np.diff(smooth, axis=1)).max() == pytest.approx(0.0798, abs=0.002)
    assert (np.diff(smooth, axis=1) > -1e-12).all()


def test_an_uneven_enlargement_shares_pixels_between_cells() -> None:
    np.testing.assert_allclose(enlarge(np.array([[1.0, 0.0]]), 3, softness=0), [[1, 0.5, 0]] * 3)


def test_a_map_can_become_smaller() -> None:
    np.testing.assert_allclose(enlarge(np.arange(4.0)[None], 2, softness=0), [[0.5, 2.5]] * 2)


def test_the_type_of_a_map_is_kept() -> None:
    assert enlarge(np.ones((2, 2), dtype=np.float32), 5).dtype == np.float32
