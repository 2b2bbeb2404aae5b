"""A generated image with its attention maps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """One image of a caption; shapes: h w pixels, l words of the caption (no padding)."""

    caption: str
    words: tuple[str, ...]
    """The tokens that the network read, one for each row of the attention maps."""
    seed: int
    index: int
    """The number of its noise vector for this seed."""
    images: tuple[UInt8[np.ndarray, "_ _ 3"], ...]
    """The image of each stage, smallest first."""
    attention: tuple[Float32[np.ndarray, "l _ _"], ...]
    """One map for each word and each stage with attention, in order; at each pixel they sum to one."""
    regions: Float32[np.ndarray, "l _ _"] | None = None
    """The attention of each word over the regions of the largest image, by the run's matching loss; a word's
    map sums to one. None unless requested, or when the recipe does not match words with regions."""
    extras: Mapping[str, Float32[np.ndarray, "*shape"]] = field(default_factory=dict)
    """What the image was to show besides its caption, by name."""
    steps: Mapping[int, UInt8[np.ndarray, "_ _ 3"]] = field(default_factory=dict)
    """The images on the way to the largest, by the updates before each; of samplers that search."""

    @property
    def image(self) -> Image.Image:
        """The largest image."""
        return Image.fromarray(self.images[-1])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the largest image to a file, in the format of its suffix."""
        self.image.save(path)
