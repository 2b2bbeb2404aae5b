"""Migrations of AttnGAN's components: options that have other names now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attnforge.plugin import Migration


def _renamed(**names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A step that gives options new names, from old ones to new ones."""
    return lambda options: {names.get(name, name): value for name, value in options.items()}


MULTI_STAGE = (Migration(to=2, options=_renamed(pictures="images")),)
DAMSM_LOSS = (Migration(to=2, options=_renamed(picture_noise="image_noise")),)
DAMSM_TASK = (
    Migration(to=2, options=_renamed(picture_noise="image_noise", reset_optimizer="reset_optimizer")),
)
