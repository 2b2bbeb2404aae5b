"""The data set `cub`: the birds of CUB-200-2011 with their captions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, cast

from attnforge.data.captioned import CaptionedImages
from attnforge.data.images.stored import ImageFolder
from attnforge.data.places import BOX, KEYPOINTS
from attnforge.data.reading.preparing import Layout
from attnforge.specs import DataSpec
from attnforge_cub.parts import COUNT, checked_release, read_keypoints
from attnforge_cub.release import read_release

Extra = Literal["box", "keypoints"]
SHAPES: dict[str, tuple[int, ...]] = {BOX: (4,), KEYPOINTS: (COUNT, 3)}


class Cub(CaptionedImages):
    """Birds of CUB-200-2011 with their captions, laid out as in AttnGAN's release.

    The folder holds `CUB_200_2011/` with `images/`, `images.txt` and `bounding_boxes.txt`; `text/` with one
    file of captions an image, or the release's `captions.pickle`; and `train/` and `test/` with
    `filenames.pickle` and `class_info.pickle`. Without these two folders, CUB's own `train_test_split.txt`
    defines the training images. Images may have different numbers of captions, and empty lines are skipped.
    Pickles are read without executing any code in them.

    Each image is cropped to the square around its bird whose half side is 3/4 of the box's longer side,
    its shorter side is resized to 76/64 of the size; training takes a random crop and mirrors half of the
    images, testing takes the centre crop. The extra `box` is the bird's box, the extra `keypoints` are its 15
    parts in the order of `parts/parts.txt`; both follow the crop and the flip. A box is clipped to the crop,
    and parts outside it are invisible.

    Args:
        root: The folder.
        box: Crop each image to its bird.
        crop: Crop from a margin; if off, the shorter side is resized to the size itself.
        flip: Mirror half of the training images.
        stretch: Resize both sides, whatever the image's shape, as GAWWN does: a crop then lacks little of it.
        extras: What images are given besides their captions: `box`, of `bounding_boxes.txt`, and `keypoints`,
            of `parts/part_locs.txt`.
        flip_parts: `exchange` exchanges left and right parts when an image is mirrored; `official` leaves the
            left eye of a mirrored bird where its right eye is seen, as the official code of GAWWN does.
        cache: Cache of resized images that all workers share: `memory` for all of them, `none`, or `auto` for
            up to 2 GB.

    Raises:
        DataError: the folder cannot be used; every problem with its file, its line and how to fix it.
    """

    extras: Mapping[str, tuple[int, ...]]
    layout: ClassVar[Layout] = Layout(
        name="cub",
        read=checked_release,
        rules=(
            (
                r"(?:^|/)((?:images|bounding_boxes|train_test_split|classes|image_class_labels)\.txt)$",
                r"CUB_200_2011/\1",
            ),
            (r"(?:^|/)parts/((?:parts|part_locs)\.txt)$", r"CUB_200_2011/parts/\1"),
            (r"(?:^|/)images/([^/]+/[^/]+\.jpe?g)$", r"CUB_200_2011/images/\1"),
            (r"(?:^|/)text(?:_c10)?/([^/]+/[^/]+\.txt)$", r"text/\1"),
            (r"(?:^|/)((?:train|test)/(?:filenames|class_info)\.pickle)$", r"\1"),
            (r"(?:^|/)(captions\.pickle)$", r"\1"),
        ),
        parts="images/CLASS/IMAGE.jpg, images.txt, bounding_boxes.txt, text/CLASS/IMAGE.txt, "
        "train/filenames.pickle and test/filenames.pickle",
    )

    def __init__(
        self,
        spec: DataSpec,
        *,
        root: str,
        box: bool = True,
        crop: bool = True,
        flip: bool = True,
        stretch: bool = False,
        extras: tuple[Extra, ...] = (),
        flip_parts: Literal["exchange", "official"] = "exchange",
        cache: Literal["auto", "memory", "none"] = "auto",
    ) -> None:
        folder = Path(root).expanduser()
        self.extras = self.declared_extras({"extras": extras})
        metadata = read_release(folder, splits=(spec.split,), boxes=box or BOX in extras)
        keypoints = None
        if KEYPOINTS in extras:
            keypoints = read_keypoints(folder, metadata.usable(), exchange=flip_parts == "exchange")
        super().__init__(
            spec,
            metadata,
            store=ImageFolder(folder, metadata.rows.file_names),
            crop=crop,
            flip=flip,
            cache=cache,
            box_crop=box,
            stretch=stretch,
            box=BOX in extras,
            keypoints=keypoints,
        )

    @classmethod
    def declared_extras(cls, options: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
        """The shapes of the extras that a recipe asks for."""
        chosen = cast("tuple[Extra, ...]", options.get("extras", ()))
        return {name: SHAPES[name] for name in SHAPES if name in chosen}
