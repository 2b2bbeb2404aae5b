"""The data set `folder`: own pictures with captions from one metadata file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import torch
from jaxtyping import UInt8

from attnforge.data.metadata import Row, load_metadata
from attnforge.data.pictures import crop_to_box, open_picture, parse_colour, resize_shorter
from attnforge.errors import DataError, Place, Problem
from attnforge.interfaces import Sample
from attnforge.specs import DataSpec

MARGIN = 76 / 64
"""How much larger than the crop the shorter side is; AttnGAN's ratio."""
CACHE_LIMIT = 2 << 30
"""Bytes of pictures that `cache: auto` keeps in memory."""


class Folder:
    """Pictures of a folder that `metadata.jsonl` or `metadata.csv` names, with their captions.

    Each line has `file_name` and `captions` (a list) or `text`, and may have `class_id`, `bbox` (left, top,
    width, height) and `split` (`train` or `test`). Without splits about one picture in ten, chosen by a
    hash of its name, is for testing. Pictures without `class_id` are a class of their own each.

    The shorter side is resized to 76/64 of the size; training cuts a random square out of it and mirrors
    half of them, testing cuts the middle. Pictures with `bbox` are first cropped to it as AttnGAN crops CUB.

    Args:
        root: The folder.
        background: What shows through transparent pictures: a colour's name or `#rrggbb`.
        crop: Leave a margin for the crop; when off, the shorter side is resized to the size itself.
        flip: Mirror half of the training pictures; switch it off when captions say left or right.
        cache: Keep resized pictures in memory: `memory` always, `none` never, `auto` up to about 2 GB.

    Raises:
        DataError: the folder or its metadata cannot be used; every problem with its file and line.
    """

    def __init__(
        self,
        spec: DataSpec,
        *,
        root: str,
        background: str = "white",
        crop: bool = True,
        flip: bool = True,
        cache: Literal["auto", "memory", "none"] = "auto",
    ) -> None:
        parse_colour(background)
        self.root = Path(root).expanduser()
        self.background = background
        self.training = spec.split == "train"
        self.flip = flip and self.training
        self.size = spec.image_size
        self.side = int(spec.image_size * MARGIN) if crop else spec.image_size
        metadata = load_metadata(self.root)
        self._source = metadata.source
        self._rows = tuple(row for row in metadata.rows if row.split == spec.split)
        self._classes = _class_ids(metadata.rows, self._rows)
        if not self._rows:
            message = f"no picture of the folder is in the split {spec.split}"
            step = f"attnforge data check {self.root}"
            raise DataError(Problem("empty-split", message, Place(str(self._source)), next_step=step))
        self._room = {"auto": CACHE_LIMIT, "memory": None, "none": 0}[cache]
        self._kept: dict[int, UInt8[np.ndarray, "h w 3"]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def captions(self, index: int) -> Sequence[str]:
        """The captions of picture `index`, cleaned of stray blanks."""
        return self._rows[index].captions

    def class_id(self, index: int) -> int:
        """The `class_id` of the metadata, or a number of its own."""
        return self._classes[index]

    def picture(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """Picture `index`, resized but not cut to a square."""
        if index in self._kept:
            return self._kept[index]
        row = self._rows[index]
        place = Place(str(self._source), row.line)
        image = open_picture(self.root / row.file_name, background=self.background, place=place)
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
