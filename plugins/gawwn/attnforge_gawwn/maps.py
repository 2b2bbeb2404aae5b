"""Key points as maps, one for each point, and the gate of all of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.errors import Problem, RecipeError
from attnforge_gawwn.layers import MAP_SIDE

VISIBLE = 0.1
"""A point is on its map if its third number is larger."""


def point_count(extras: Mapping[str, tuple[int, ...]], *, part: str) -> int:
    """The number of key points of every image.

    Raises:
        RecipeError: The data have no key points.
    """
    shape = extras.get("keypoints", ())
    if len(shape) == 2 and shape[1] == 3:
        return shape[0]
    message = f"the {part} `gawwn-keypoints` needs the key points of every image, which the data do not have"
    expected = "rows of x, y and visible, such as those of `data: {use: cub, extras: [keypoints]}`"
    raise RecipeError(Problem("no-keypoints", message, expected=expected))


def maps_of(points: Float[Tensor, "b p 3"]) -> Float[Tensor, "b p 16 16"]:
    """For each visible point, a map that is 1 at the nearest pixel and 0 elsewhere.

    Pixels are counted from 1 and a half is rounded up, as in the official code: the point (x, y) is at pixel
    16 x across and 16 y down, at least the first and at most the last. No gradient reaches the points.
    """
    places = torch.floor(points[:, :, :2].detach() * MAP_SIDE + 0.5).clamp(1, MAP_SIDE).long() - 1
    across, down = places.unbind(dim=2)
    # compared and not scattered, which exported pages could not compute
    pixels = torch.arange(MAP_SIDE**2, device=points.device)
    there = ((down * MAP_SIDE + across)[:, :, None] == pixels) & (points[:, :, 2:] > VISIBLE)
    return there.to(points.dtype).reshape(*points.shape[:2], MAP_SIDE, MAP_SIDE)


def gate_of(maps: Float[Tensor, "b p h w"]) -> Float[Tensor, "b 1 h w"]:
    """1 where any point is, 0 elsewhere."""
    return maps.sum(dim=1, keepdim=True).clamp(0, 1)
