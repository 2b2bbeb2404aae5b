"""Where a bird is shown: on its whole page, or smaller and anywhere on it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from attnforge.data.places import Window

SMALLEST_SHARE = 0.5
"""Least side of a page that is shown smaller, as a share of the image's."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The square of an image in which the page with the bird is shown, in pixels."""

    left: int
    top: int
    side: int
    size: int
    """Side of the image."""

    @classmethod
    def whole(cls, size: int) -> Placement:
        """The page fills the image."""
        return cls(0, 0, size, size)

    @classmethod
    def anywhere(cls, size: int, random: Random) -> Placement:
        """The page at half to full size, inside the image; sizes and places are equally likely."""
        side = random.randint(round(SMALLEST_SHARE * size), size)
        return cls(random.randint(0, size - side), random.randint(0, size - side), side, size)

    def window(self, *, mirrored: bool) -> Window:
        """The part of the page's plane that the image shows, in shares of the page."""
        return Window(
            left=-self.left / self.side,
            top=-self.top / self.side,
            width=self.size / self.side,
            height=self.size / self.side,
            mirrored=mirrored,
        )

    def shown(
        self, page: UInt8[np.ndarray, "h w 3"], background: UInt8[np.ndarray, "h w 3"]
    ) -> UInt8[np.ndarray, "h w 3"]:
        """The image: the page, made smaller, on a background that is continued to the borders.

        Args:
            page: The page with the bird.
            background: The same page without it.
        """
        if self.side == self.size:
            return page
        right, bottom = (self.size - self.side - corner for corner in (self.left, self.top))
        around = ((self.top, bottom), (self.left, right), (0, 0))
        canvas = np.pad(self._reduced(background), around, mode="edge")
        rows, columns = slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)
        canvas[rows, columns] = self._reduced(page)
        return canvas

    def _reduced(self, page: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "side side 3"]:
        return np.asarray(Image.fromarray(page).resize((self.side, self.side), Image.Resampling.BOX))
