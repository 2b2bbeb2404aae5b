"""Migrations of AttnGAN's components: renamed options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attnforge.plugin import Migration


def _renamed(**names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that renames options, given as old=new."""
    return lambda options: {names.get(name, name): value for name, value in options.items()}


MULTI_STAGE = (Migration(to=2, options=_renamed(pictures="images")),)
DAMSM_LOSS = (Migration(to=2, options=_renamed(picture_noise="image_noise")),)
DAMSM_TASK = (
    Migration(to=2, options=_renamed(picture_noise="image_noise", forget_moments="reset_optimizer")),
)
