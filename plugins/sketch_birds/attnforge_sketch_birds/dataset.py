"""The data set `sketch-birds`: any number of rendered birds with ten captions each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from random import Random
from typing import Annotated, Literal, cast

import numpy as np
import torch
from jaxtyping import Float, UInt8
from pydantic import Field
from torch import Tensor

from attnforge.data.feeding.shared import SharedImages
from attnforge.data.places import BOX, KEYPOINTS, Window, mirror_exchange
from attnforge.data.reading.text_column import TextColumn
from attnforge.interfaces import Sample
from attnforge.ranges import Count, Positive
from attnforge.seeds import derive_seed
from attnforge.specs import DataSpec

from .asking import requested_codes
from .attributes import Attributes, attributes_of, codes_of, draw_attributes
from .grammar import CAPTIONS_PER_BIRD, captions
from .keypoints import NAMES, keypoints
from .painter import Painter
from .placing import Placement

Extra = Literal["box", "keypoints"]
SHAPES: dict[str, tuple[int, ...]] = {BOX: (4,), KEYPOINTS: (len(NAMES), 3)}
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
        roam: Show each bird at half to full size anywhere in its image: in training at another place each
            time, in testing always at the same.
        extras: What images are given besides their captions: `box`, the bird's box, and `keypoints`, CUB's 15
            parts in CUB's order.
        flip_parts: `exchange` exchanges left and right parts when an image is mirrored; `official` does not,
            as the official code of GAWWN.
    """

    extras: Mapping[str, tuple[int, ...]]

    def __init__(
        self,
        spec: DataSpec,
        *,
        count: Positive = 2000,
        test_count: Positive = 500,
        seed: Count = 0,
        flip: bool = True,
        facings: Annotated[tuple[Literal["left", "right"], ...], Field(min_length=1)] = ("left", "right"),
        roam: bool = False,
        extras: tuple[Extra, ...] = (),
        flip_parts: Literal["exchange", "official"] = "exchange",
    ) -> None:
        self.extras = self.declared_extras({"extras": extras})
        self.roam = roam
        self._exchanged = mirror_exchange(NAMES) if flip_parts == "exchange" else None
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

    @classmethod
    def declared_extras(cls, options: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
        """The shapes of the extras that a recipe asks for."""
        chosen = cast("tuple[Extra, ...]", options.get("extras", ()))
        return {name: SHAPES[name] for name in SHAPES if name in chosen}

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

    def described(self, caption: str) -> Sequence[int]:
        """The images that a caption describes: with the colours, the size and the beak that it names."""
        fits = np.ones(len(self), dtype=bool)
        for column, code in requested_codes(caption).items():
            fits &= self._codes[:, column] == code
        numbers: list[int] = np.flatnonzero(fits).tolist()
        return numbers

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
        placement = Placement.whole(image.shape[-1])
        if self.roam:
            placement = self._placement(index, seed)
            page, attributes = image.transpose(1, 2, 0), self.attributes(index)
            shown = placement.shown(page, self._painter.background(attributes))
            image = shown.transpose(2, 0, 1)
        return Sample(
            image=torch.from_numpy((image[:, :, ::-1] if mirrored else image).copy()),
            caption=choices[random.randrange(len(choices))],
            class_id=self.class_id(index),
            key=f"{self.split}-{index:06d}",
            extras=self._extras(index, placement.window(mirrored=mirrored)) if self.extras else {},
        )

    def _placement(self, index: int, seed: int) -> Placement:
        place = (
            derive_seed("place", seed) if self.split == "train" else derive_seed("place", self.seed, index)
        )
        return Placement.anywhere(self._painter.size, Random(place))  # noqa: S311

    def _extras(self, index: int, window: Window) -> dict[str, Float[Tensor, "*shape"]]:
        """The places in image `index` that a recipe asks for."""
        size, geometry = self._painter.size, self.attributes(index).geometry
        places: dict[str, Tensor] = {}
        if BOX in self.extras:
            left, top, width, height = (number / size for number in self.box(index))
            places[BOX] = window.box((left, top, width, height), smallest=1 / size)
        if KEYPOINTS in self.extras:
            places[KEYPOINTS] = window.points(keypoints(geometry), exchanged=self._exchanged)
        return places
