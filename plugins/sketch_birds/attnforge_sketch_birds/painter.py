"""Renders a bird: a label map per geometry, coloured by its attributes and downsampled."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image, ImageDraw

from . import shapes
from .attributes import PARTS, Attributes, Geometry
from .palette import BACKGROUNDS, BEAK, EYE_RING, LEG, PALETTE, PUPIL, Rgb, darker

OUTLINE_WIDTH = 0.013
"""Of the image's side."""
PERCH_TOP = 0.895
BRANCH_WIDTH = 0.045
KEPT_MAPS = 256
"""Label maps that are kept for all painters: those of five sizes."""


class Label(IntEnum):
    """The part at a point of the page; the first is the page itself."""

    PAGE = 0
    PERCH = 1
    LEG = 2
    TAIL = 3
    TAIL_EDGE = 4
    BEAK = 5
    BEAK_EDGE = 6
    BODY = 7
    BODY_EDGE = 8
    BELLY = 9
    BELLY_EDGE = 10
    WING = 11
    WING_EDGE = 12
    CROWN = 13
    CROWN_EDGE = 14
    EYE_RING = 15
    PUPIL = 16


class Painter:
    """Renders birds of one size.

    Args:
        size: Side of the images in pixels.
        supersampling: Resolution of the label maps as a multiple of the image's.
    """

    def __init__(self, size: int, *, supersampling: int = 4) -> None:
        self.size = size
        self.supersampling = supersampling
        self._boxes: dict[Geometry, tuple[int, int, int, int]] = {}
        self._light: dict[tuple[Geometry, bool], Float32[np.ndarray, "h w 1"]] = {}

    def image(self, attributes: Attributes) -> UInt8[np.ndarray, "h w 3"]:
        """Render a bird on its background."""
        branch = BACKGROUNDS[attributes.background].branch
        labels = self.labels(attributes.geometry, branch=branch).copy()
        labels.putpalette([channel for colour in _colours(attributes) for channel in colour])
        page = np.asarray(labels.convert("RGB").reduce(self.supersampling), dtype=np.float32)
        lit = page * self._lighting(attributes.geometry, branch)
        rendered: UInt8[np.ndarray, "h w 3"] = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
        return rendered

    def background(self, attributes: Attributes) -> UInt8[np.ndarray, "h w 3"]:
        """The page of a bird without the bird: its colour, and what the bird sits on."""
        background = BACKGROUNDS[attributes.background]
        side = self.size * self.supersampling
        page = Image.new("RGB", (side, side), background.page)
        ImageDraw.Draw(page).rectangle(_perch(side, branch=background.branch), fill=background.perch)
        return np.asarray(page.reduce(self.supersampling))

    def parts(self, geometry: Geometry) -> dict[str, Float32[np.ndarray, "h w"]]:
        """How much of each pixel, 0 to 1, every part of `PARTS` covers."""
        return {part: self.coverage(geometry, Label[part.upper()]) for part in PARTS}

    def coverage(self, geometry: Geometry, *labels: Label, branch: bool = True) -> Float32[np.ndarray, "h w"]:
        """How much of each pixel, 0 to 1, shows one of the labels."""
        chosen = np.isin(np.asarray(self.labels(geometry, branch=branch)), labels).astype(np.float32)
        size, fine = self.size, self.supersampling
        share: Float32[np.ndarray, "h w"] = chosen.reshape(size, fine, size, fine).mean(axis=(1, 3))
        return share

    def box(self, geometry: Geometry) -> tuple[int, int, int, int]:
        """The bird's bounding box in pixels: left, top, width and height."""
        if geometry not in self._boxes:
            bird = self.coverage(geometry, *(label for label in Label if label > Label.PERCH)) > 0
            rows, columns = np.flatnonzero(bird.any(axis=1)), np.flatnonzero(bird.any(axis=0))
            self._boxes[geometry] = (
                int(columns[0]),
                int(rows[0]),
                int(columns[-1] - columns[0] + 1),
                int(rows[-1] - rows[0] + 1),
            )
        return self._boxes[geometry]

    def labels(self, geometry: Geometry, *, branch: bool) -> Image.Image:
        """The supersampled label map, as `Label` numbers in a palette image; shared, not to be changed."""
        return _render_labels(geometry, branch, self.size * self.supersampling)

    def _lighting(self, geometry: Geometry, branch: bool) -> Float32[np.ndarray, "h w 1"]:
        """Light from above on the bird, at most 7% brighter and 9% darker; none on the page."""
        key = (geometry, branch)
        if key not in self._light:
            bird = self.coverage(geometry, *(x for x in Label if x > Label.PERCH), branch=branch)
            height = np.linspace(0.0, 1.0, self.size, dtype=np.float32)[:, None]
            self._light[key] = (1.0 + bird * np.clip(0.14 - 0.24 * height, -0.09, 0.07))[..., None]
        return self._light[key]


def render_parts(attributes: Attributes, *, size: int) -> dict[str, Float32[np.ndarray, "h w"]]:
    """The mask of each part of a bird: how much of each pixel, 0 to 1, it covers."""
    return Painter(size).parts(attributes.geometry)


def _colours(attributes: Attributes) -> list[Rgb]:
    """The colour of each label, in the labels' order."""
    background = BACKGROUNDS[attributes.background]
    body, belly, wing, crown = (PALETTE[colour] for colour in attributes.colours)
    paired = [colour for fill in (wing, BEAK, body, belly, wing, crown) for colour in (fill, darker(fill))]
    return [background.page, background.perch, LEG, *paired, EYE_RING, PUPIL]


def _perch(side: int, *, branch: bool) -> tuple[float, float, float, float]:
    """What the bird sits on, a branch or the ground: left, top, right and bottom."""
    bottom = PERCH_TOP + BRANCH_WIDTH if branch else 1.0
    return 0, PERCH_TOP * side, side, bottom * side - 1


@lru_cache(maxsize=KEPT_MAPS)
def _render_labels(geometry: Geometry, branch: bool, side: int) -> Image.Image:
    page = Image.new("P", (side, side), Label.PAGE)
    draw = ImageDraw.Draw(page)
    width = max(1, round(OUTLINE_WIDTH * side))
    draw.rectangle(_perch(side, branch=branch), fill=Label.PERCH)

    def pixels(points: shapes.Points) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in shapes.place(points, geometry) * side]

    def area(points: shapes.Points, fill: Label, edge: Label | None = None) -> None:
        outline = pixels(points)
        draw.polygon(outline, fill=fill)
        if edge is not None:
            draw.line([*outline, *outline[:2]], fill=edge, width=width, joint="curve")

    for hip, foot in shapes.LEGS:
        upper, lower = pixels(np.asarray((hip, foot)))
        draw.line([upper, (lower[0], PERCH_TOP * side + width)], fill=Label.LEG, width=round(0.022 * side))
    area(shapes.closed_curve(shapes.TAIL), Label.TAIL, Label.TAIL_EDGE)
    area(np.asarray(shapes.BEAKS[geometry.beak]), Label.BEAK, Label.BEAK_EDGE)
    body, head = shapes.closed_curve(shapes.BODY), shapes.circle(shapes.HEAD, shapes.HEAD_RADIUS)
    area(body, Label.BODY, Label.BODY_EDGE)
    area(head, Label.BODY)
    area(shapes.closed_curve(shapes.BELLY), Label.BELLY, Label.BELLY_EDGE)
    area(shapes.closed_curve(shapes.WING), Label.WING, Label.WING_EDGE)
    area(shapes.crown(), Label.CROWN, Label.CROWN_EDGE)
    eye = shapes.EYE_RADIUS
    area(shapes.circle(shapes.EYE, eye), Label.EYE_RING)
    area(shapes.circle(shapes.EYE, eye * 0.62), Label.PUPIL)
    return page
