"""The key points of the images of a data set, and which of them change places in a mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Named points of every image."""

    names: tuple[str, ...]
    """The part that each point marks."""
    points: Float32[np.ndarray, "rows p 3"]
    """x and y in pixels, and 1 where the part is visible; a row for each row of the metadata."""
    exchanged: Sequence[int] | None = None
    """For each point, the one whose place it takes in a mirror image; None if all keep their places."""
