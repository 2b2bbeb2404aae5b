"""Key points of a sketched bird: CUB's fifteen parts, in CUB's order.

A bird is seen from its side, so the eye and the wing of its other side are invisible.
"""

from __future__ import annotations

from statistics import fmean

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from . import shapes
from .attributes import Geometry

NAMES: tuple[str, ...] = (
    "back", "beak", "belly", "breast", "crown", "forehead", "left eye", "left leg", "left wing", "nape",
    "right eye", "right leg", "right wing", "tail", "throat",
)  # fmt: skip
SIDES = ("left", "right")
PLACES: dict[str, tuple[float, float]] = {
    "back": (0.40, 0.46),
    "belly": (0.58, 0.71),
    "breast": (0.74, 0.55),
    "crown": (0.665, 0.215),
    "forehead": (0.775, 0.24),
    "eye": shapes.EYE,
    "wing": (0.40, 0.57),
    "nape": (0.53, 0.34),
    "tail": (0.13, 0.70),
    "throat": (0.755, 0.43),
}
"""Where the parts lie on the model bird; see `shapes`."""


def keypoints(geometry: Geometry) -> Float[Tensor, "15 3"]:
    """x and y of each part as shares of the page, and 1 where it is visible; else a row of 0."""
    seen = geometry.facing  # a bird that faces right shows its right side
    far_leg, near_leg = (_middle(leg) for leg in shapes.LEGS)
    places = {
        **PLACES,
        f"{seen} eye": PLACES["eye"],
        f"{seen} wing": PLACES["wing"],
        "beak": _middle(shapes.BEAKS[geometry.beak]),
        **{f"{side} leg": near_leg if side == seen else far_leg for side in SIDES},
    }
    rows = np.zeros((len(NAMES), 3))
    shown = [number for number, name in enumerate(NAMES) if name in places]
    rows[shown, :2] = shapes.place(np.asarray([places[NAMES[number]] for number in shown]), geometry)
    rows[shown, 2] = 1
    return torch.from_numpy(rows).float()


def _middle(points: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    return fmean(x for x, _ in points), fmean(y for _, y in points)
