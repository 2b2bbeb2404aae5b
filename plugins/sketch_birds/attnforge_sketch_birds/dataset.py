"""The data set `sketch-birds`: any number of drawn birds with ten captions each."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import UInt8
from pydantic import Field

from attnforge.data.shared import SharedImages
from attnforge.interfaces import Sample
from attnforge.ranges import Count, Positive
from attnforge.seeds import derive_seed
from attnforge.specs import DataSpec

from .attributes import Attributes, draw_attributes
from .grammar import captions
from .painter import Painter

CACHE_LIMIT = 1 << 30
"""Bytes of drawn images that all workers of a run keep together; beyond, images are drawn each time."""


class SketchBirds:
    """Birds drawn by code from their attributes, the same for the same seed on every machine.

    About one in eight combinations of the four part colours is held out: those birds make up the test
    split and never occur in training, while each colour of each part does.

    Args:
        count: How many birds the train split has.
        test_count: How many birds the test split has.
        seed: Decides every bird and every caption.
        flip: Mirror half of the training images; captions never name a side.
        facings: Which ways the birds look. With one way only, nothing is mirrored.
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
        self._attributes = [
            draw_attributes(seed=seed, index=index, split=spec.split, facings=facings)
            for index in range(number)
        ]
        self._painter = Painter(spec.image_size)
        self._captions: dict[int, tuple[str, ...]] = {}
        self._drawn = SharedImages(number, capacity=min(CACHE_LIMIT, 3 * number * spec.image_size**2))

    def __len__(self) -> int:
        return len(self._attributes)

    def attributes(self, index: int) -> Attributes:
        """Everything that decided image `index`."""
        return self._attributes[index]

    def class_id(self, index: int) -> int:
        """The combination of part colours, in [0, 4096)."""
        return self._attributes[index].class_id

    def captions(self, index: int) -> Sequence[str]:
        """The ten captions of image `index`."""
        if index not in self._captions:
            name = self.seed if self.split == "train" else derive_seed(self.split, self.seed)
            self._captions[index] = captions(self._attributes[index], seed=name, index=index)
        return self._captions[index]

    def box(self, index: int) -> tuple[int, int, int, int]:
        """The bird's bounding box in pixels: left, top, width and height."""
        return self._painter.box(self._attributes[index].geometry)

    def image(self, index: int) -> UInt8[np.ndarray, "3 h w"]:
        """Image `index` as it was drawn; it must not be written to."""
        kept = self._drawn.get(index)
        if kept is None:
            kept = self._painter.image(self._attributes[index])
            self._drawn.keep(index, kept)
        return kept.transpose(2, 0, 1)

    def sample(self, index: int, *, seed: int) -> Sample:
        """Image `index`, perhaps mirrored, with one of its captions."""
        random = Random(seed)  # noqa: S311
        mirrored = self.flip and random.random() < 0.5
        choices = self.captions(index)
        drawn = self.image(index)
        return Sample(
            image=torch.from_numpy((drawn[:, :, ::-1] if mirrored else drawn).copy()),
            caption=choices[random.randrange(len(choices))],
            class_id=self.class_id(index),
            key=f"{self.split}-{index:06d}",
        )
