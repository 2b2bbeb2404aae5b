"""What to expect of training with few images."""

from __future__ import annotations

FEW_IMAGES = 200
"""Fewer images than this are remembered, whatever the augmentation."""


def few_images(count: int) -> str | None:
    """What training on so many images leads to, or None if there are enough."""
    if count >= FEW_IMAGES:
        return None
    images = f"{count:,} training image{' is' if count == 1 else 's are'}"
    return (
        f"{images} too few to learn what words mean: the generator will remember them, so that a caption "
        "near one of theirs gives that image or a mixture of some, and any other caption nothing of use"
    )
