"""The data set `folder`: your own images with captions from one metadata file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from attnforge.data.captioned import CaptionedImages
from attnforge.data.reading.stored_metadata import read_stored
from attnforge.specs import DataSpec


class Folder(CaptionedImages):
    """Images and captions of a folder with `metadata.jsonl` or `metadata.csv`, or of Parquet tables.

    The file lies in the folder, or one lies in each folder below it, and names of images are relative to it;
    folders named `train`, `test` or `validation` are splits. Each line has `file_name` and `captions` (a
    list) or `text`, and may have `class_id`, `bbox` (left, top, width, height) and `split` (`train` or
    `test`). Without splits about one image in ten, chosen by a hash of its name, is for testing. Each image
    without `class_id` is its own class.

    Tables lie in the folder or in `data`, and have a column `image` with embedded images and captions in
    `text`, `caption` or `captions`; they are read with pyarrow.

    The shorter side is resized to 76/64 of the size; training takes a random crop and mirrors half of the
    images, testing takes the centre crop. Images with `bbox` are first cropped to it as AttnGAN crops CUB.

    Args:
        root: The folder.
        background: Background of transparent images: a colour name or `#rrggbb`.
        crop: Crop from a margin; if off, the shorter side is resized to the size itself.
        flip: Mirror half of the training images; switch it off if captions say left or right.
        cache: Cache of resized images that all workers share: `memory` for all of them, `none`, or `auto` for
            up to 2 GB.

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
        folder = Path(root).expanduser()
        metadata, store = read_stored(folder)
        super().__init__(
            spec,
            metadata,
            store=store,
            background=background,
            crop=crop,
            flip=flip,
            cache=cache,
        )
