"""A generated image with its attention maps."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from attnforge.errors import Problem, RunError


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

    @property
    def stages(self) -> tuple[tuple[UInt8[np.ndarray, "_ _ 3"], Float32[np.ndarray, "l _ _"] | None], ...]:
        """Each image, smallest first, with the attention of its stage.

        The last images are those of the stages with attention; of more such stages than images, the first
        have none.
        """
        missing = len(self.images) - len(self.attention)
        maps = (*[None] * missing, *self.attention[max(0, -missing) :])
        return tuple(zip(self.images, maps, strict=True))

    def __repr__(self) -> str:
        maps = f", maps of {', '.join(map(str, self.words))}" if self.attention else ""
        height, width, _ = self.images[-1].shape
        return f"<image {self.index} of {self.caption!r}, seed {self.seed}, {width} x {height}{maps}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        stream = io.BytesIO()
        self.image.save(stream, format="PNG")
        return stream.getvalue()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the largest image to a file, in the format of its suffix.

        Raises:
            RunError: the suffix is not that of a format, or the file cannot be written.
        """
        try:
            self.image.save(path)
        except (OSError, TypeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            message = f"the image cannot be written to {str(path)!r}: {reason}"
            expected = "a file in a writable folder, such as bird.png"
            raise RunError(Problem("images-not-written", message, expected=expected)) from error
