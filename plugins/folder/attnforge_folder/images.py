"""The data set `images`: a folder of images without captions."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from attnforge.data.captioned import CaptionedImages
from attnforge.data.images.stored import ImageFolder
from attnforge.data.reading.files import IMAGE_SUFFIXES, images_below, no_folder
from attnforge.data.reading.metadata import EMPTY, Metadata, with_splits
from attnforge.data.reading.rows import Row, Rows
from attnforge.errors import Place, Problem
from attnforge.specs import DataSpec

STAND_IN = "image"
"""The caption of every image, since a text encoder reads at least one word."""
SPLITS = ("train", "test")


class Images(CaptionedImages):
    """All images below a folder, without captions, for models that generate from noise alone.

    Images below folders named `train` and `test` belong to these splits; of the others about one in ten,
    chosen by a hash of its name, is for testing. Metadata files are not read, and hidden files are skipped.
    Every image has the same stand-in caption, and each is its own class. Components that need captions are
    refused.

    Images are resized, cropped and mirrored as in `folder`.

    Args:
        root: The folder.
        background: Background of transparent images: a colour name or `#rrggbb`.
        crop: Crop from a margin; if off, the shorter side is resized to the size itself.
        flip: Mirror half of the training images.
        cache: Cache of resized images that all workers share: `memory` for all of them, `none`, or `auto` for
            up to 2 GB.

    Raises:
        DataError: the folder does not exist or holds no images.
    """

    captioned: ClassVar[bool] = False

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
        metadata = list_images(Path(root).expanduser())
        super().__init__(
            spec,
            metadata,
            store=ImageFolder(metadata.source, metadata.rows.file_names),
            background=background,
            crop=crop,
            flip=flip,
            cache=cache,
        )


def list_images(root: Path) -> Metadata:
    """The images below a folder by name; never raises for what is there."""
    step = f"ls {shlex.quote(str(root))}"
    names = sorted(images_below(root))
    problems: list[Problem] = []
    if not root.is_dir():
        problems.append(no_folder(root))
    elif not names:
        expected = f"files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
        problems.append(Problem("empty-data", "the folder holds no images", Place(str(root)), expected, step))
    rows = Rows.of([Row(name, (STAND_IN,), None, None, _split(name), None) for name in names])
    return Metadata(root, with_splits(rows) if names else EMPTY, tuple(problems), (), step)


def _split(name: str) -> str | None:
    first = PurePosixPath(name).parts[0]
    return first if first in SPLITS else None
