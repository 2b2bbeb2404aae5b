"""Images with captions, read from files: cropped, resized, flipped and cached."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from random import Random
from typing import Literal, Self

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from attnforge.data.checks.inspection import inspect_header
from attnforge.data.feeding.shared import SharedImages
from attnforge.data.images.decoding import decode
from attnforge.data.images.opening import parse_colour
from attnforge.data.images.resizing import Region, Resize
from attnforge.data.images.stored import ImageStore, StoredImage
from attnforge.data.places import BOX, KEYPOINTS, Window
from attnforge.data.reading.keypoints import Keypoints
from attnforge.data.reading.metadata import SHOWN, Metadata
from attnforge.data.reading.rows import NO_CLASS, Rows
from attnforge.data.spaced import evenly_spaced
from attnforge.errors import DataError, ImageError, Problem
from attnforge.interfaces import Sample
from attnforge.specs import DataSpec

MARGIN = 76 / 64
"""Ratio of the resized shorter side to the crop, as in AttnGAN."""
CACHE_LIMIT_BYTES = 2 << 30
"""Images that `cache: auto` keeps in memory."""
MAX_CHECKED_IMAGES = 20_000
"""Images whose headers are checked before training, which takes about a second."""


class CaptionedImages:
    """One split of the images in some metadata; base class of data sets of files.

    The shorter side is resized to 76/64 of the size; training takes random crops and flips half of them,
    testing takes center crops. Images with a box are first cropped to it as AttnGAN crops CUB. Each image
    without a class is a class of its own. Boxes and key points may be extras, which crops and flips move.

    Args:
        spec: The split and the size of the images.
        metadata: The images; other splits may be among them.
        store: Where each of them is stored.
        background: The colour behind transparent images: a name or `#rrggbb`.
        crop: Resize with a margin for the crop; when off, the shorter side is resized to the size itself.
        flip: Flip half of the training images.
        cache: Keep resized images in shared memory: `memory` all, `none` none, `auto` up to 2 GB.
        box_crop: Crop images to their boxes first.
        stretch: Resize both sides, whatever the image's shape, so that a crop lacks little of it.
        box: Give the box of each image as the extra `box`.
        keypoints: Give these key points as the extra `keypoints`.

    Raises:
        DataError: the metadata has problems or no image of the split, an image is obviously damaged,
            or there is too little memory for `cache: memory`.
    """

    def __init__(
        self,
        spec: DataSpec,
        metadata: Metadata,
        *,
        store: ImageStore,
        background: str = "white",
        crop: bool = True,
        flip: bool = True,
        cache: Literal["auto", "memory", "none"] = "auto",
        box_crop: bool = True,
        stretch: bool = False,
        box: bool = False,
        keypoints: Keypoints | None = None,
    ) -> None:
        parse_colour(background)
        self._box_crop, self._stretch = box_crop, stretch
        self._box, self._keypoints = box, keypoints
        self._store = store
        self.background = background
        self._crop = crop
        self._flip = flip
        self._cache: Literal["auto", "memory", "none"] = cache
        self._metadata = metadata.usable()
        self._checked_splits: set[str] = set()
        self._open(spec)

    def reopened(self, spec: DataSpec) -> Self | None:
        """The same data with another split or size, without reading and checking its files again.

        None if the metadata was read for other splits only.
        """
        if spec.split not in self._metadata.splits:
            return None
        other = copy(self)
        other._open(spec)
        return other

    def _open(self, spec: DataSpec) -> None:
        """Set up everything that depends on the split and the size."""
        self.training = spec.split == "train"
        self.flip = self._flip and self.training
        self.size = spec.image_size
        self.side = int(spec.image_size * MARGIN) if self._crop else spec.image_size
        metadata = self._metadata
        if empty := metadata.empty_split(spec.split):
            raise DataError(empty)
        self._rows = metadata.rows
        self._indices = metadata.rows.of_split(spec.split)
        self._classes = _class_ids(metadata.rows)
        if spec.split not in self._checked_splits:
            self._check_images(skip=spec.on_bad_image == "skip")
            self._checked_splits.add(spec.split)
        self._kept = self._reserve(self._cache)

    def __len__(self) -> int:
        return len(self._indices)

    def captions(self, index: int) -> Sequence[str]:
        """The captions of image `index`, with whitespace normalized."""
        return self._rows.captions_of(int(self._indices[index]))

    def key(self, index: int) -> str:
        """The file name of image `index`, below the folder."""
        return self._rows.file_names[int(self._indices[index])]

    def stored(self, index: int) -> StoredImage:
        """Image `index` as it is encoded."""
        return self._store.image(int(self._indices[index]))

    def class_id(self, index: int) -> int:
        """The class in the metadata, or a unique number."""
        return int(self._classes[self._indices[index]])

    def image(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """Image `index`, resized but not cropped to a square; it must not be written to.

        Raises:
            ImageError: the file is missing, damaged or not an image.
        """
        kept = self._kept.get(index)
        return self._resized(index, self._pixels(index)) if kept is None else kept

    def sample(self, index: int, *, seed: int) -> Sample:
        """A square crop of image `index`, perhaps flipped, with one of its captions.

        Raises:
            ImageError: the file is missing, damaged or not an image.
        """
        random = Random(seed)  # noqa: S311
        square, window = self._square(index, random)
        if self.flip and random.random() < 0.5:
            square, window = square[:, ::-1], replace(window, mirrored=True)
        captions = self.captions(index)
        return Sample(
            image=torch.from_numpy(square.transpose(2, 0, 1).copy()),
            caption=captions[random.randrange(len(captions))],
            class_id=self.class_id(index),
            key=self.key(index),
            extras=self._extras(index, window),
        )

    def _extras(self, index: int, window: Window) -> dict[str, Float[Tensor, "*shape"]]:
        """The places in image `index` that the data set gives, as a window shows them."""
        number = int(self._indices[index])
        extras: dict[str, Tensor] = {}
        box = self._rows.box(number)
        if self._box and box is not None:
            extras[BOX] = window.box(box, smallest=1 / self.size)
        if self._keypoints is not None:
            points = torch.from_numpy(self._keypoints.points[number])
            extras[KEYPOINTS] = window.points(points, exchanged=self._keypoints.exchanged)
        return extras

    def _square(self, index: int, random: Random) -> tuple[UInt8[np.ndarray, "h h 3"], Window]:
        """A square crop of image `index`, and the part of the image that it shows."""
        whole, size = self._kept.get(index), self._kept.original_size(index)
        if whole is None or size is None:
            pixels = self._pixels(index)
            rows, columns = pixels.shape[-2:]
            size, region = (rows, columns), self._region(index, rows, columns)
            resize = Resize.of(region.of_pixels(pixels), side=self.side, stretch=self._stretch)
            if not self._kept.has_room(3 * resize.height * resize.width):
                top, left = self._corner(resize.height, resize.width, random)
                cut = resize.square(region.of_pixels(pixels), top=top, left=left, size=self.size)
                return _rows_first(cut), self._window(region, resize.height, resize.width, top, left)
            whole = self._resized(index, pixels)
        height, width, _ = whole.shape
        top, left = self._corner(height, width, random)
        square = whole[top : top + self.size, left : left + self.size]
        return square, self._window(self._region(index, *size), height, width, top, left)

    def _window(self, region: Region, height: int, width: int, top: int, left: int) -> Window:
        """The part of an image that a square shows, whose corner is in the region resized to this size."""
        down, across = region.height / height, region.width / width
        return Window(
            left=region.left + left * across,
            top=region.top + top * down,
            width=self.size * across,
            height=self.size * down,
        )

    def _corner(self, height: int, width: int, random: Random) -> tuple[int, int]:
        spare_rows, spare_columns = height - self.size, width - self.size
        if self.training:
            return random.randint(0, spare_rows), random.randint(0, spare_columns)
        return spare_rows // 2, spare_columns // 2

    def _region(self, index: int, height: int, width: int) -> Region:
        """The part of image `index`, of this size, that is used: around its box."""
        box = self._rows.box(int(self._indices[index])) if self._box_crop else None
        return Region.of(height, width, box=box)

    def _pixels(self, index: int) -> UInt8[Tensor, "1 3 h w"]:
        """The whole image `index`, not resized."""
        number = int(self._indices[index])
        try:
            return decode(self.stored(index), background=self.background)
        except ImageError as error:
            step, place = self._metadata.next_step, self._metadata.place(self._rows[number])
            problems = [replace(problem, place=place, next_step=step) for problem in error.problems]
            raise ImageError(problems) from error

    def _resized(self, index: int, pixels: UInt8[Tensor, "1 3 _ _"]) -> UInt8[np.ndarray, "h w 3"]:
        rows, columns = pixels.shape[-2:]
        region = self._region(index, rows, columns).of_pixels(pixels)
        resized = _rows_first(Resize.of(region, side=self.side, stretch=self._stretch).whole(region))
        self._kept.keep(index, resized, original_size=(rows, columns))
        return resized

    def _check_images(self, *, skip: bool) -> None:
        """Refuse obviously damaged files now, instead of in the middle of an epoch.

        Of more than `MAX_CHECKED_IMAGES`, so many are checked, at equal distances. With `skip`, which leaves
        single damaged images to the loader, the data is refused only if all of them are damaged.
        """
        problems: list[Problem] = []
        chosen, next_step = evenly_spaced(len(self), MAX_CHECKED_IMAGES), self._metadata.next_step
        damaged = 0
        for index in chosen:
            row = self._rows[int(self._indices[index])]
            place = self._metadata.place(row)
            of_image = inspect_header(self.stored(index), row, place=place, next_step=next_step)
            damaged += bool(of_image)
            problems += of_image
        if skip and damaged < len(chosen):
            return
        if (more := len(problems) - SHOWN) > 0:
            message = f"{more} more problems with images of this folder"
            problems[SHOWN:] = [Problem("more-problems", message, next_step=self._metadata.next_step)]
        if problems:
            raise DataError(problems)

    def _reserve(self, cache: Literal["auto", "memory", "none"]) -> SharedImages:
        count = len(self)
        max_size = 3 * count * self.side * 2 * self.side  # images up to twice as long as wide
        capacity = {"auto": min(CACHE_LIMIT_BYTES, max_size), "memory": max_size, "none": 0}[cache]
        try:
            return SharedImages(count, capacity=capacity)
        except OSError as error:
            if cache == "auto":
                return SharedImages(count, capacity=0)
            message = f"{count:,} images need up to {capacity / 2**30:.1f} GB of memory: {error.strerror}"
            expected = "more memory, or `cache: auto` in the recipe's data"
            raise DataError(Problem("cache-too-large", message, expected=expected)) from error


def _rows_first(pixels: UInt8[Tensor, "1 3 h w"]) -> UInt8[np.ndarray, "h w 3"]:
    return pixels[0].permute(1, 2, 0).numpy()


def _class_ids(rows: Rows) -> Int64[np.ndarray, " rows"]:
    """A class for each row; rows without one get numbers above all classes, the same in every split."""
    free = 1 + int(rows.class_ids.max(initial=NO_CLASS))
    return np.where(rows.class_ids == NO_CLASS, free + np.arange(len(rows)), rows.class_ids)
