"""Checks of the sizes of images: what recipes do to them unless they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from attnforge.errors import Place, Problem

SIDE = 64
"""Pixels of the images that the recipes for own folders generate."""
LONG = 1.5
"""An image whose sides differ by a larger factor loses a third of its pixels or more."""


def size_remarks(sizes: Mapping[str, int], place: Place) -> list[Problem]:
    """Remarks on images that recipes cut or enlarge.

    Args:
        sizes: How many images have each `width x height`.
        place: Where the images are listed.
    """
    sides = {tuple(map(int, size.split(" x "))): count for size, count in sizes.items()}
    total = sum(sides.values())
    long = sum(count for side, count in sides.items() if max(side) > LONG * min(side))
    small = sum(count for side, count in sides.items() if min(side) < SIDE)
    remarks = []
    if long:
        message = (
            f"{long:,} of {total:,} images: one side is more than {LONG:g} times the other, and a square "
            "as long as the shorter side is read, from the middle for testing"
        )
        expected = "what captions describe in the middle, or `bbox` around it"
        remarks.append(Problem("long-images", message, place, expected))
    if small:
        message = f"{small:,} of {total:,} images: a side has fewer than {SIDE} pixels, and is enlarged"
        expected = f"images of {SIDE} x {SIDE} pixels or more, as the recipes for own folders generate them"
        remarks.append(Problem("small-images", message, place, expected))
    return remarks
