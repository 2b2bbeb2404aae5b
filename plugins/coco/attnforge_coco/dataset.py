"""The data set `coco`: photographs of COCO with their captions."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from attnforge.data.captioned import CaptionedImages
from attnforge.data.images.stored import ImageFolder
from attnforge.data.reading.preparing import Layout
from attnforge.specs import DataSpec
from attnforge_coco.release import read_release


class Coco(CaptionedImages):
    """Photographs of COCO with their captions, from COCO's own files or laid out as AttnGAN's release.

    COCO's own: `annotations/captions_train2014.json` is for training and `annotations/captions_val2014.json`
    for testing, or those of 2017; images lie in `images/`, `train2014/` and `val2014/`, or in such folders
    below `images/`. If no file has such a name, the only json file whose images mostly exist is used for both
    splits.

    AttnGAN's release: `train/filenames.pickle` and `test/filenames.pickle`, all images in `images/`, and
    `text/` with one file of captions an image, or `captions.pickle`. Images may have different numbers of
    captions, and empty ones are skipped. Every image is its own class.

    The shorter side is resized to 76/64 of the size; training takes a random crop and mirrors half of the
    images, testing takes the centre crop.

    Args:
        root: The folder.
        train: The training json file, relative to the folder, if its name differs or there are several.
        test: The test json file. If it is the training file, about one image in ten, chosen by a hash of its
            name, is for testing.
        crop: Crop from a margin; if off, the shorter side is resized to the size itself.
        flip: Mirror half of the training images; switch it off if captions say left or right.
        cache: Cache of resized images that all workers share: `memory` for all of them, `none`, or `auto` for
            up to 2 GB.

    Raises:
        DataError: the folder cannot be used; every problem with its file and how to fix it.
    """

    layout: ClassVar[Layout] = Layout(
        name="coco",
        read=read_release,
        rules=(
            (r"(?:^|/)(?:images|(?:train|val|test)20\d\d)/([^/]+\.jpe?g)$", r"images/\1"),
            (r"(?:^|/)(captions_[^/]+\.json)$", r"annotations/\1"),
            (r"(?:^|/)[^/]*text/([^/]+\.txt)$", r"text/\1"),
            (r"(?:^|/)((?:train|test)/filenames\.pickle)$", r"\1"),
            (r"(?:^|/)(captions\.pickle)$", r"\1"),
        ),
        parts="images in images, train2014 or val2014, and annotations/captions_train2014.json or "
        "train/filenames.pickle with text/IMAGE.txt",
        options=("train", "test"),
    )

    def __init__(
        self,
        spec: DataSpec,
        *,
        root: str,
        train: str | None = None,
        test: str | None = None,
        crop: bool = True,
        flip: bool = True,
        cache: Literal["auto", "memory", "none"] = "auto",
    ) -> None:
        folder = Path(root).expanduser()
        metadata = read_release(folder, splits=(spec.split,), train=train, test=test)
        super().__init__(
            spec,
            metadata,
            store=ImageFolder(folder, metadata.rows.file_names),
            crop=crop,
            flip=flip,
            cache=cache,
        )
