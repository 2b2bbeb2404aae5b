"""The options that R3GAN's generator and discriminator share: widths and blocks at each resolution."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from attnforge.errors import Problem, RecipeError
from attnforge.ranges import Depth, Width

Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=12)]
"""Channels at each resolution, from 4 x 4 pixels up."""
Blocks = Depth | Annotated[tuple[Depth, ...], Field(min_length=1, max_length=12)]
"""Residual blocks at each resolution: one number for all, or one for each, from 4 x 4 pixels up."""
FFHQ_64 = (768, 768, 768, 768, 384)
"""The published widths for images of 64 x 64 pixels."""


def blocks_of(blocks: int | tuple[int, ...], channels: tuple[int, ...]) -> tuple[int, ...]:
    """Residual blocks at each of the resolutions that have these channels.

    Raises:
        RecipeError: They are listed for another number of resolutions.
    """
    listed = (blocks,) * len(channels) if isinstance(blocks, int) else blocks
    if len(listed) != len(channels):
        message = f"`blocks` lists {len(listed)} resolutions, and `channels` {len(channels)}"
        raise RecipeError(Problem("resolution-widths", message, expected="one number, or one for each width"))
    return listed
