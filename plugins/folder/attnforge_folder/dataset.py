"""The data set `folder`: own images with captions from one metadata file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from attnforge.data.captioned import CaptionedImages
from attnforge.data.metadata import load_metadata
from attnforge.specs import DataSpec


class Folder(CaptionedImages):
    """Images of a folder that `metadata.jsonl` or `metadata.csv` names, with their captions.

    Each line has `file_name` and `captions` (a list) or `text`, and may have `class_id`, `bbox` (left, top,
    width, height) and `split` (`train` or `test`). Without splits about one image in ten, chosen by a
    hash of its name, is for testing. Images without `class_id` are a class of their own each.

    The shorter side is resized to 76/64 of the size; training cuts a random square out of it and mirrors
    half of them, testing cuts the middle. Images with `bbox` are first cropped to it as AttnGAN crops CUB.

    Args:
        root: The folder.
        background: What shows through transparent images: a colour's name or `#rrggbb`.
        crop: Leave a margin for the crop; when off, the shorter side is resized to the size itself.
        flip: Mirror half of the training images; switch it off when captions say left or right.
        cache: Keep resized images in memory that all workers share: `memory` all of them, `none` none,
            `auto` up to 2 GB.

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
        metadata = load_metadata(folder)
        super().__init__(
            spec, metadata, root=folder, background=background, crop=crop, flip=flip, cache=cache
        )
