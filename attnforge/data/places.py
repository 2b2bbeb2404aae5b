"""Places in images: what the extras `box` and `keypoints` mean, and how crops and flips move them.

A box is left, top, width and height, a key point x, y and visible: 1 where it can be seen, 0 where not.
Positions and lengths are shares of the square image, from 0 at its left and upper border to 1. Several boxes,
one for each element of an image, are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

BOX = "box"
KEYPOINTS = "keypoints"
NOT_GIVEN = -1.0
"""Every number of an extra, or of one of its rows, that the generator is to complete."""
ROUNDING = 1e-4
"""How far a box may reach beyond the border, so that rounded numbers are accepted."""


@dataclass(frozen=True, slots=True)
class Window:
    """The part of an image that a sample shows, in pixels of the image."""

    left: float
    top: float
    width: float
    height: float
    mirrored: bool = False

    def box(self, box: tuple[float, float, float, float], *, smallest: float) -> Float[Tensor, "4"]:
        """A box of left, top, width and height in pixels, as shares of the window and clipped to it.

        Args:
            box: The box.
            smallest: The least width and height, for a box that lies outside or at the border.
        """
        left, right = _clipped(box[0], box[2], self.left, self.width, smallest)
        top, bottom = _clipped(box[1], box[3], self.top, self.height, smallest)
        if self.mirrored:
            left, right = 1 - right, 1 - left
        return torch.tensor([left, top, right - left, bottom - top])

    def points(
        self, points: Float[Tensor, "p 3"], *, exchanged: Sequence[int] | None = None
    ) -> Float[Tensor, "p 3"]:
        """Points in pixels as shares of the window; those that are invisible or outside are rows of 0.

        Args:
            points: The points.
            exchanged: For each point, the one whose place it takes in a mirror image: a left eye that of a
                right.
        """
        corner, size = torch.tensor([self.left, self.top]), torch.tensor([self.width, self.height])
        placed = torch.cat(((points[:, :2] - corner) / size, points[:, 2:]), dim=1)
        inside = ((placed[:, :2] >= 0) & (placed[:, :2] <= 1)).all(dim=1) & (points[:, 2] > 0)
        if self.mirrored:
            placed[:, 0] = 1 - placed[:, 0]
        placed = placed.where(inside[:, None], 0.0)
        return placed[list(exchanged)] if self.mirrored and exchanged is not None else placed


def mirror_exchange(names: Sequence[str]) -> list[int]:
    """For each part, the one whose place it takes in a mirror image: `left eye` that of `right eye`."""
    sides = {"left": "right", "right": "left"}
    order = []
    for number, name in enumerate(names):
        other = " ".join(sides.get(word, word) for word in name.split())
        order.append(names.index(other) if other in names else number)
    return order


def wrong_place(name: str, values: Float[Tensor, "b *shape"]) -> str | None:
    """What is wrong with values of an extra of this name, as the end of a sentence; None if nothing is."""
    shape = values.shape[1:]
    if name == BOX and shape[-1:] == (4,):
        return next(filter(None, map(_wrong_box, values.reshape(-1, 4).tolist())), None)
    if name == KEYPOINTS and len(shape) == 2 and shape[1] == 3:
        rows = ((number, *row) for image in values.tolist() for number, row in enumerate(image, start=1))
        return next(filter(None, (_wrong_point(*row) for row in rows)), None)
    return None


EXPECTED = {
    BOX: "left, top, width and height as shares of the image, such as 0.1,0.2,0.5,0.6",
    KEYPOINTS: "x, y and visible of each point: shares of the image, and 1 or 0",
}
"""What the numbers of these extras are, for messages."""


def _wrong_box(box: list[float]) -> str | None:
    left, top, width, height = box
    shown = ", ".join(f"{number:g}" for number in box)
    if width <= 0 or height <= 0:
        return f"{shown} has no area: its width is {width:g} and its height {height:g}"
    for side, start, length, low, high in (
        ("width", left, width, "left", "right"),
        ("height", top, height, "top", "bottom"),
    ):
        if start < -ROUNDING:
            return f"{shown} lies outside the image: {low} is {start:g}"
        if start + length > 1 + ROUNDING:
            return (
                f"{shown} reaches beyond the image: {low} + {side} is {start + length:g}, the {high} border 1"
            )
    return None


def _wrong_point(number: int, x: float, y: float, visible: float) -> str | None:
    if visible not in (0, 1):
        return f"has {visible:g} for the visibility of point {number}, which is neither 0 nor 1"
    if visible and not (0 <= x <= 1 and 0 <= y <= 1):
        return f"has point {number} at {x:g}, {y:g}, outside the image"
    return None


def _clipped(start: float, length: float, origin: float, size: float, smallest: float) -> tuple[float, float]:
    """Start and end of an interval as shares of a window, at least `smallest` long and inside it."""
    low, high = ((end - origin) / size for end in (start, start + length))
    low, high = min(max(low, 0.0), 1 - smallest), min(max(high, smallest), 1.0)
    return low, max(high, low + smallest)
