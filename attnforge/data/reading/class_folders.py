"""Reads classes from the names of folders that images are in."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from attnforge.data.reading.fields import HELD_OUT, SPLITS, clean

_NUMBER = re.compile(r"^\d+[._ -]+")


def class_of(name: str) -> str:
    """The folder of an image in words: `001.Black_footed_Albatross` is `Black footed Albatross`.

    Empty for an image in a folder that is named after a split, or in none.
    """
    folder = PurePosixPath(name).parent.name
    if folder.casefold() in (*SPLITS, *HELD_OUT):
        return ""
    return clean(_NUMBER.sub("", folder).replace("_", " "))
