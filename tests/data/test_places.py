"""Boxes and key points follow the part of an image that a sample shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attnforge.data.places import Window, mirror_exchange

WHOLE = Window(0, 0, 100, 50)
NAMES = ("beak", "left eye", "tail", "right eye", "left wing")


def near(values: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(values, torch.tensor(expected))


def test_a_box_is_a_share_of_the_window() -> None:
    near(WHOLE.box((10, 5, 40, 20), smallest=0.01), [0.1, 0.1, 0.4, 0.4])
    near(Window(10, 5, 50, 25).box((10, 5, 40, 20), smallest=0.01), [0, 0, 0.8, 0.8])


def test_a_mirrored_box_is_as_far_from_the_other_border() -> None:
    near(Window(0, 0, 100, 50, mirrored=True).box((10, 5, 40, 20), smallest=0.01), [0.5, 0.1, 0.4, 0.4])


def test_a_box_is_clipped_to_the_window_and_keeps_its_other_border() -> None:
    """The official code moves the corner and keeps the width, so that the box grows over its object."""
    near(Window(20, 0, 50, 50).box((10, 5, 40, 20), smallest=0.01), [0, 0.1, 0.6, 0.4])


@given(
    st.tuples(*[st.floats(-200, 200)] * 2, *[st.floats(0.1, 300)] * 2),
    st.booleans(),
    st.sampled_from((16, 64)),
)
def test_every_box_has_an_area_inside_the_window(
    box: tuple[float, float, float, float], mirrored: bool, size: int
) -> None:
    window = Window(30, 20, 80, 60, mirrored=mirrored)
    left, top, width, height = window.box(box, smallest=1 / size).tolist()
    assert min(width, height) >= 1 / size - 1e-6
    assert left >= -1e-6
    assert top >= -1e-6
    assert left + width <= 1 + 1e-6
    assert top + height <= 1 + 1e-6


def test_points_are_shares_of_the_window_and_invisible_outside() -> None:
    points = torch.tensor([[20.0, 10, 1], [90, 10, 1], [30, 20, 0]])
    placed = Window(10, 0, 50, 50).points(points)
    near(placed, [[0.2, 0.2, 1], [0, 0, 0], [0, 0, 0]])
    assert points[1].tolist() == [90, 10, 1]


def test_left_and_right_parts_change_places_in_a_mirror_image() -> None:
    assert mirror_exchange(NAMES) == [0, 3, 2, 1, 4]
    points = torch.tensor([[50.0, 25, 1], [20, 10, 1], [80, 40, 1], [0, 0, 0], [60, 20, 1]])
    mirrored = Window(0, 0, 100, 50, mirrored=True)
    exchanged = mirrored.points(points, exchanged=mirror_exchange(NAMES))
    near(exchanged, [[0.5, 0.5, 1], [0, 0, 0], [0.2, 0.8, 1], [0.8, 0.2, 1], [0.4, 0.4, 1]])
    near(mirrored.points(points)[1], [0.8, 0.2, 1])
    assert np.array_equal(WHOLE.points(points, exchanged=mirror_exchange(NAMES)), WHOLE.points(points))


@pytest.mark.parametrize("mirrored", [False, True])
def test_no_point_is_a_number_that_is_not_finite(mirrored: bool) -> None:
    points = Window(5, 5, 1, 1, mirrored=mirrored).points(torch.tensor([[1e6, -1e6, 1.0], [5.5, 5.5, 1]]))
    near(points, [[0, 0, 0], [0.5, 0.5, 1]])
