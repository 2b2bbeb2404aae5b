"""The columns of metadata, and those that were probably meant for one of them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

COLUMNS = ("file_name", "captions", "text", "class_id", "bbox", "split")
OTHER_NAMES = {
    "file_name": ("file", "filename", "file_path", "filepath", "path", "image", "image_path", "img", "name"),
    "text": ("caption", "description", "prompt", "sentence", "title"),
    "class_id": ("class", "category", "category_id", "label"),
    "bbox": ("box", "bounding_box", "boundingbox"),
    "split": ("set", "subset", "partition"),
}
"""What other tools and people call them."""
CLOSE = 0.8
"""How much of two names must agree, as `difflib` counts it."""


def meant_for(column: str, names: Iterable[str]) -> str | None:
    """The first of some names that was probably meant for a column; None when there is none."""
    others = OTHER_NAMES.get(column, ())
    candidates = [name for name in names if name not in COLUMNS]
    plain = {name: name.strip().casefold().replace("-", "_").replace(" ", "_") for name in candidates}
    named = (name for name in candidates if plain[name] in (column, *others))
    close = (name for name in candidates if get_close_matches(plain[name], [column], cutoff=CLOSE))
    return next(named, None) or next(close, None)
