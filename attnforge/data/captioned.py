"""Pictures with captions that lie in files: cropped, resized, mirrored and kept in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8

from attnforge.data.metadata import Metadata, Row
from attnforge.data.pictures import crop_to_box, open_picture, parse_colour, resize_shorter
from attnforge.errors import DataError, Place, Problem
from attnforge.interfaces import Sample
from attnforge.specs import DataSpec

MARGIN = 76 / 64
"""How much larger than the crop the shorter side is; AttnGAN's ratio."""
CACHE_LIMIT = 2 << 30
"""Bytes of pictures that `cache: auto` keeps in memory."""


class CaptionedPictures:
    """One split of the pictures that some metadata names; data sets of files inherit from it.

    The shorter side is resized to 76/64 of the size; training cuts a random square out of it and mirrors
    half of them, testing cuts the middle. Pictures with a box are first cropped to it as AttnGAN crops CUB.
    Pictures without a class are a class of their own each.

    Args:
        spec: The split and the size of the pictures.
        metadata: What the pictures are; it may hold other splits as well.
        root: The folder that the file names start from.
        background: What shows through transparent pictures: a colour's name or `#rrggbb`.
        crop: Leave a margin for the crop; when off, the shorter side is resized to the size itself.
        flip: Mirror half of the training pictures.
        cache: Keep resized pictures in memory: `memory` always, `none` never, `auto` up to about 2 GB.

    Raises:
        DataError: the metadata has problems, or names no picture of the split.
    """

    def __init__(
        self,
        spec: DataSpec,
        metadata: Metadata,
        *,
        root: Path,
        background: str = "white",
        crop: bool = True,
        flip: bool = True,
        cache: Literal["auto", "memory", "none"] = "auto",
    ) -> None:
        parse_colour(background)
        metadata.usable()
        self.root = root
        self.background = background
        self.training = spec.split == "train"
        self.flip = flip and self.training
        self.size = spec.image_size
        self.side = int(spec.image_size * MARGIN) if crop else spec.image_size
        self._source = metadata.source
        self._next_step = metadata.next_step
        self._rows = tuple(row for row in metadata.rows if row.split == spec.split)
        self._classes = _class_ids(metadata.rows, self._rows)
        if not self._rows:
            message = f"no picture of the folder is in the split {spec.split}"
            place = Place(str(self._source))
            raise DataError(Problem("empty-split", message, place, next_step=self._next_step))
        self._room = {"auto": CACHE_LIMIT, "memory": None, "none": 0}[cache]
        self._kept: dict[int, UInt8[np.ndarray, "h w 3"]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def captions(self, index: int) -> Sequence[str]:
        """The captions of picture `index`, cleaned of stray blanks."""
        return self._rows[index].captions

    def key(self, index: int) -> str:
        """The file name of picture `index`, below the folder."""
        return self._rows[index].file_name

    def class_id(self, index: int) -> int:
        """The class that the metadata gives, or a number of its own."""
        return self._classes[index]

    def picture(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """Picture `index`, resized but not cut to a square.

        Raises:
            DataError: the file is missing, damaged or no picture.
        """
        if index in self._kept:
            return self._kept[index]
        row = self._rows[index]
        place = Place(str(self._source), row.line)
        try:
            image = open_picture(self.root / row.file_name, background=self.background, place=place)
        except DataError as error:
            step = self._next_step
            raise DataError([replace(one, next_step=step) for one in error.problems]) from error
        if row.box is not None:
            image = crop_to_box(image, row.box)
        pixels = np.array(resize_shorter(image, self.side))
        if self._room is None or pixels.nbytes <= self._room:
            self._kept[index] = pixels
            if self._room is not None:
                self._room -= pixels.nbytes
        return pixels

    def sample(self, index: int, *, seed: int) -> Sample:
        """A square of picture `index`, perhaps mirrored, with one of its captions."""
        random = Random(seed)  # noqa: S311
        pixels = self.picture(index)
        spare_rows, spare_columns = pixels.shape[0] - self.size, pixels.shape[1] - self.size
        if self.training:
            top, left = random.randint(0, spare_rows), random.randint(0, spare_columns)
        else:
            top, left = spare_rows // 2, spare_columns // 2
        square = pixels[top : top + self.size, left : left + self.size]
        if self.flip and random.random() < 0.5:
            square = square[:, ::-1]
        row = self._rows[index]
        return Sample(
            image=torch.from_numpy(square.transpose(2, 0, 1).copy()),
            caption=row.captions[random.randrange(len(row.captions))],
            class_id=self._classes[index],
            key=row.file_name,
        )


def _class_ids(all_rows: Sequence[Row], rows: Sequence[Row]) -> list[int]:
    """One number a row; rows without a class get numbers above all classes, the same in every split."""
    free = 1 + max((row.class_id for row in all_rows if row.class_id is not None), default=-1)
    own = {row.file_name: free + place for place, row in enumerate(all_rows)}
    return [own[row.file_name] if row.class_id is None else row.class_id for row in rows]
