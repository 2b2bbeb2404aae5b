"""The data set `shards`: images with captions in tar files of the WebDataset format."""

from __future__ import annotations

from typing import Literal

from attnforge.data.captioned import CaptionedImages
from attnforge.data.shards.reading import read_shards
from attnforge.specs import DataSpec


class Shards(CaptionedImages):
    """Images and captions in tar files, as `attnforge data shard` or tools for WebDataset write them.

    Members of one name with different extensions are one sample: an image, and its captions in `KEY.json`
    (`captions`, `text` or `caption`) or in `KEY.txt`, one a line; its class in `class_id` or in `KEY.cls`.
    Nothing is unpacked: images are read at their places in the tar files, in any order. Links, devices, paths
    that lead outside and damaged files are refused.

    Images are cropped and resized as those of `folder`.

    Args:
        root: A folder of shards, or a pattern such as `data/shard-{000000..000099}.tar`; with fsspec also an
            address such as `s3://bucket/birds`.
        background: Background of transparent images: a colour name or `#rrggbb`.
        crop: Crop from a margin; if off, the shorter side is resized to the size itself.
        flip: Mirror half of the training images; switch it off if captions say left or right.
        cache: Cache of resized images that all workers share: `memory` for all of them, `none`, or `auto` for
            up to 2 GB.

    Raises:
        DataError: a shard is missing, damaged or unsafe, or has images without captions.
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
        metadata, store = read_shards(root)
        super().__init__(
            spec, metadata, store=store, background=background, crop=crop, flip=flip, cache=cache
        )
