"""What to know of values that were computed from too few images."""

from __future__ import annotations

COMPARABLE_IMAGES = 10_000
"""Images from which on papers compare values of a Frechet distance."""


def bias_note(count: int, dim: int) -> str | None:
    """A warning about the bias of a Frechet distance, or None for enough images.

    The distance of two samples of the same Gaussian falls as 1 / n: by the number of images, not by quality.

    Args:
        count: Images of the smaller set.
        dim: Width of the features.
    """
    if count >= COMPARABLE_IMAGES:
        return None
    few = f"too high with {count:,} images"
    if count < dim:
        few += f", fewer than the {dim:,} features"
    return f"{few}; compare it with values of as many images only"
