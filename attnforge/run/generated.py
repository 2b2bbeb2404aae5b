"""A generated image with everything that can be shown about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """One caption drawn once; shapes: h w pixels, l words of the caption (no padding)."""

    caption: str
    words: tuple[str, ...]
    """The tokens that the network saw, one for each row of the attention maps."""
    seed: int
    index: int
    """Which noise of the seed drew it."""
    images: tuple[UInt8[np.ndarray, "_ _ 3"], ...]
    """One image a stage, smallest first."""
    attention: tuple[Float32[np.ndarray, "l _ _"], ...]
    """One map a word for each stage that attends, in order; at each pixel they sum to one."""
    regions: Float32[np.ndarray, "l _ _"] | None = None
    """Which regions of the largest image each word picks when the run's matching looks at it; a word's map
    sums to one. None when not asked for, or where the recipe matches no words with regions."""
