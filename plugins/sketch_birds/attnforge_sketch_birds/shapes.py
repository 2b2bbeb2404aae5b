"""Where the parts of a bird lie: curves on the unit square, x to the right and y down, facing right."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float64

from .attributes import Geometry

Points = Float64[np.ndarray, "points 2"]

SCALES: dict[str, float] = {"small": 0.86, "large": 1.03}
PIVOT = (0.505, 0.56)
"""The point about which a bird is scaled and tilted."""

HEAD = (0.665, 0.325)
HEAD_RADIUS = 0.150
EYE = (0.715, 0.335)
EYE_RADIUS = 0.036

# fmt: off
BODY = (
    (0.54, 0.27), (0.44, 0.41), (0.27, 0.53), (0.19, 0.645), (0.28, 0.725), (0.42, 0.78),
    (0.57, 0.775), (0.70, 0.70), (0.775, 0.58), (0.79, 0.45), (0.80, 0.35), (0.70, 0.22),
)
BELLY = (
    (0.33, 0.735), (0.45, 0.778), (0.57, 0.762), (0.69, 0.69), (0.762, 0.58),
    (0.765, 0.50), (0.70, 0.475), (0.655, 0.55), (0.60, 0.63), (0.47, 0.69),
)
WING = (
    (0.56, 0.425), (0.605, 0.50), (0.565, 0.60), (0.42, 0.665), (0.24, 0.70),
    (0.13, 0.735), (0.20, 0.635), (0.31, 0.515), (0.44, 0.44),
)
# fmt: on
TAIL = ((0.30, 0.56), (0.16, 0.63), (0.06, 0.67), (0.08, 0.75), (0.17, 0.74), (0.30, 0.70))
CROWN_EDGE = ((0.815, 0.315), (0.745, 0.268), (0.65, 0.292), (0.575, 0.36), (0.525, 0.375))
"""The lower edge of the crown, from the beak to the nape."""
BEAKS: dict[str, tuple[tuple[float, float], ...]] = {
    "short": ((0.795, 0.30), (0.885, 0.355), (0.795, 0.395)),
    "long": ((0.795, 0.305), (0.975, 0.365), (0.795, 0.395)),
}
LEGS = (((0.47, 0.76), (0.49, 0.90)), ((0.58, 0.75), (0.60, 0.90)))


def closed_curve(points: tuple[tuple[float, float], ...], *, steps: int = 12) -> Points:
    """A smooth closed curve through the points (a uniform Catmull-Rom spline)."""
    knots = np.asarray(points, dtype=np.float64)
    before, after, later = np.roll(knots, 1, axis=0), np.roll(knots, -1, axis=0), np.roll(knots, -2, axis=0)
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    first, second, third, fourth = (k[:, None, :] for k in (before, knots, after, later))
    curve = 0.5 * (
        2 * second
        + (third - first) * t
        + (2 * first - 5 * second + 4 * third - fourth) * t**2
        + (3 * second - first - 3 * third + fourth) * t**3
    )
    points_of_curve: Points = curve.reshape(-1, 2)
    return points_of_curve


def circle(centre: tuple[float, float], radius: float, *, steps: int = 48) -> Points:
    """A circle as a polygon."""
    angle = np.linspace(0.0, 2 * math.pi, steps, endpoint=False)
    return np.stack([centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)], axis=1)


def crown() -> Points:
    """The cap of the head: from the beak over the top to the nape, and back along its lower edge."""
    start = math.atan2(CROWN_EDGE[0][1] - HEAD[1], CROWN_EDGE[0][0] - HEAD[0])
    end = math.atan2(CROWN_EDGE[-1][1] - HEAD[1], CROWN_EDGE[-1][0] - HEAD[0])
    angle = np.linspace(start, end - 2 * math.pi if end > start else end, 32)
    arc = np.stack([HEAD[0] + HEAD_RADIUS * np.cos(angle), HEAD[1] + HEAD_RADIUS * np.sin(angle)], axis=1)
    return np.concatenate([arc, np.asarray(CROWN_EDGE[::-1])])


def place(points: Points, geometry: Geometry) -> Points:
    """Scale, tilt and mirror points of the model bird as the geometry requires."""
    angle = math.radians(-geometry.tilt)
    turn = np.asarray([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    placed: Points = (points - PIVOT) @ turn * SCALES[geometry.size] + PIVOT
    if geometry.facing == "left":
        placed = np.stack([1.0 - placed[:, 0], placed[:, 1]], axis=1)
    return placed
