"""Finds the text files that hold the captions of single images."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attnforge.data.reading.files import common_folders

SUFFIXES = (".txt", ".caption")
"""Extensions of files of captions, in any case."""


def caption_files(root: Path, images: Sequence[str]) -> dict[str, str]:
    """The text file of each image that has one, by the paths of both below the folder.

    It is called as the image and lies beside it, or in another folder if no other image may be meant: in
    `captions` for an image in `images`, and in the same folder below both.
    """
    texts: dict[PurePosixPath, str] = {}
    by_stem: dict[str, list[PurePosixPath]] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = PurePosixPath(Path(folder, name).relative_to(root).as_posix())
            if path.suffix.lower() not in SUFFIXES or not (root / path).is_file():
                continue
            if path.with_suffix("") not in texts:
                texts[path.with_suffix("")] = str(path)
                by_stem.setdefault(path.stem, []).append(path.with_suffix(""))
    beside = {image: key for image in images if (key := PurePosixPath(image).with_suffix("")) in texts}
    elsewhere = {
        image: text
        for image in images
        if image not in beside and (text := _nearest(PurePosixPath(image), by_stem)) is not None
    }
    claims = Counter([*beside.values(), *elsewhere.values()])
    found = {**beside, **{image: key for image, key in elsewhere.items() if claims[key] == 1}}
    return {image: texts[found[image]] for image in images if image in found}


def _nearest(image: PurePosixPath, by_stem: dict[str, list[PurePosixPath]]) -> PurePosixPath | None:
    """The text file of the same name whose last folders are those of the image, unless several are alike."""
    common = {key: common_folders(image, key) for key in by_stem.get(image.stem, ())}
    most = max(common.values(), default=0)
    nearest = [key for key, count in common.items() if count == most]
    return nearest[0] if len(nearest) == 1 else None
