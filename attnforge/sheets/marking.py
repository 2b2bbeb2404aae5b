"""Marks on images of a sheet: the box and the key points that an image was to show."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageDraw

from attnforge.data.places import BOX, KEYPOINTS

LINE = (255, 64, 64)
CASING = (255, 255, 255)
"""Around lines and points, which are then seen on every background."""
RADIUS = 3


def marked(image: Image.Image, extras: Mapping[str, Float32[np.ndarray, "*shape"]]) -> Image.Image:
    """A copy of a square image with its boxes and visible key points drawn on it."""
    marks = image.copy()
    pen, side = ImageDraw.Draw(marks), image.width
    box, points = extras.get(BOX), extras.get(KEYPOINTS)
    if box is not None and box.shape[-1:] == (4,):
        for left, top, width, height in box.reshape(-1, 4) * side:
            corners = (left, top, left + width - 1, top + height - 1)
            pen.rectangle(tuple(map(round, corners)), outline=CASING, width=4)
            pen.rectangle(tuple(map(round, corners)), outline=LINE, width=2)
    if points is not None and points.ndim == 2 and points.shape[1] == 3:
        for x, y, visible in points:
            if visible > 0.5:
                centre = (round(float(x) * (side - 1)), round(float(y) * (side - 1)))
                pen.circle(centre, RADIUS + 1, fill=CASING)
                pen.circle(centre, RADIUS, fill=LINE)
    return marks


def has_marks(extras: Mapping[str, Float32[np.ndarray, "*shape"]]) -> bool:
    """Whether anything would be drawn."""
    return BOX in extras or KEYPOINTS in extras
