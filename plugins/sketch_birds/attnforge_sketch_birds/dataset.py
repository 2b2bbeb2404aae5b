"""The data set `sketch-birds`: any number of rendered birds with ten captions each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from random import Random
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import UInt8
from pydantic import Field

from attnforge.data.feeding.shared import SharedImages
from attnforge.data.reading.text_column import TextColumn
from attnforge.interfaces import Sample
from attnforge.ranges import Count, Positive
from attnforge.seeds import derive_seed
from attnforge.specs import DataSpec

from .attributes import Attributes, attributes_of, codes_of, draw_attributes
from .grammar import CAPTIONS_PER_BIRD, captions
from .painter import Painter

CACHE_LIMIT_BYTES = 1 << 30
"""Size of the cache of rendered images that all workers share; the others are rendered each time."""


class SketchBirds:
    """Birds rendered by code from their attributes, the same for the same seed on every machine.

    About one in eight combinations of the four part colours is held out: those birds are the test split and
    never occur in training, while each colour of each part does.

    Args:
        count: Number of birds in the train split.
        test_count: Number of birds in the test split.
        seed: Determines every bird and every caption.
        flip: Mirror half of the training images; captions never name a side.
        facings: Directions that the birds face. With only one, nothing is mirrored.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        count: Positive = 2000,
        test_count: Positive = 500,
        seed: Count = 0,
        flip: bool = True,
        facings: Annotated[tuple[Literal["left", "right"], ...], Field(min_length=1)] = ("left", "right"),
    ) -> None:
        self.split = spec.split
        self.seed = seed
        self.flip = flip and spec.split == "train" and len(set(facings)) == 2
        number = count if spec.split == "train" else test_count
        # one array and one column of text: workers would copy the pages of Python's objects as they read them
        self._codes = np.array(
            [
                codes_of(draw_attributes(seed=seed, index=index, split=spec.split, facings=facings))
                for index in range(number)
            ],
            dtype=np.uint8,
        )
        self._painter = Painter(spec.image_size)
        self._rendered = SharedImages(
            number, capacity=min(CACHE_LIMIT_BYTES, 3 * number * spec.image_size**2)
        )

    def __len__(self) -> int:
        return len(self._codes)

    def attributes(self, index: int) -> Attributes:
        """The attributes of image `index`."""
        return attributes_of(self._codes[index].tolist())

    def class_id(self, index: int) -> int:
        """The combination of part colours, in [0, 4096)."""
        return self.attributes(index).class_id

    def captions(self, index: int) -> Sequence[str]:
        """The ten captions of image `index`; the first call writes those of all images."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return self._captions.between(index * CAPTIONS_PER_BIRD, (index + 1) * CAPTIONS_PER_BIRD)

    @cached_property
    def _captions(self) -> TextColumn:
        name = self.seed if self.split == "train" else derive_seed(self.split, self.seed)
        written = (captions(self.attributes(index), seed=name, index=index) for index in range(len(self)))
        return TextColumn.of(chain.from_iterable(written))

    def box(self, index: int) -> tuple[int, int, int, int]:
        """The bird's bounding box in pixels: left, top, width and height."""
        return self._painter.box(self.attributes(index).geometry)

    def image(self, index: int) -> UInt8[np.ndarray, "3 h w"]:
        """Image `index` as rendered; do not write to it."""
        pixels = self._rendered.get(index)
        if pixels is None:
            pixels = self._painter.image(self.attributes(index))
            self._rendered.keep(index, pixels)
        return pixels.transpose(2, 0, 1)

    def sample(self, index: int, *, seed: int) -> Sample:
        """Image `index`, perhaps mirrored, with one of its captions."""
        random = Random(seed)  # noqa: S311
        mirrored = self.flip and random.random() < 0.5
        choices = self.captions(index)
        image = self.image(index)
        return Sample(
            image=torch.from_numpy((image[:, :, ::-1] if mirrored else image).copy()),
            caption=choices[random.randrange(len(choices))],
            class_id=self.class_id(index),
            key=f"{self.split}-{index:06d}",
        )
