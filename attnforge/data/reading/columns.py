"""The columns of metadata, and which of them a misnamed column was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

COLUMNS = ("file_name", "captions", "text", "class_id", "bbox", "split")
OTHER_NAMES = {
    "file_name": (
        *("file", "filename", "file_path", "filepath", "path", "name"),
        *("image", "image_path", "image_name", "img"),
    ),
    "text": ("caption", "comment", "description", "prompt", "sentence", "title", "txt"),
    "class_id": ("class", "category", "category_id", "label"),
    "bbox": ("box", "bounding_box", "boundingbox"),
    "split": ("set", "subset", "partition"),
}
"""Their names in other tools."""
MIN_SIMILARITY = 0.8
"""Of names that are taken for each other, as `difflib` measures it."""


def misnamed_column(column: str, names: Iterable[str]) -> str | None:
    """The first of the names that was probably meant to be `column`, or None."""
    aliases = OTHER_NAMES.get(column, ())
    candidates = [name for name in names if name not in COLUMNS]
    plain = {name: name.strip().casefold().replace("-", "_").replace(" ", "_") for name in candidates}
    named = (name for name in candidates if plain[name] in (column, *aliases))
    close = (name for name in candidates if get_close_matches(plain[name], [column], cutoff=MIN_SIMILARITY))
    return next(named, None) or next(close, None)
