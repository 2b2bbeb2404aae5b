"""Finds the images that a table means by their names."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from attnforge.data.reading.files import common_folders, is_image


class TableNames:
    """Finds the images of a folder by names that another tool wrote.

    Such names are absolute or relative to another folder, or have backslashes, another extension or none.

    Args:
        root: The folder.
        images: Its images by their paths with forward slashes.
    """

    def __init__(self, root: Path, images: Sequence[str]) -> None:
        self._root = root
        self._images = frozenset(images)
        self._by_last: dict[str, list[str]] = {}
        """The images by their last part, with and without its extension."""
        for image in images:
            last = _folded(PurePosixPath(image).name)
            for key in (last, _stem(last)):
                self._by_last.setdefault(key, []).append(image)

    def image(self, name: str) -> str:
        """The image that a name means, or the name if there is none or several that may be meant."""
        if name in self._images:
            return name
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() and path.is_relative_to(self._root.resolve()):
            path = path.relative_to(self._root.resolve())
        if str(path) in self._images:
            return str(path)
        last = _folded(path.name)
        candidates = self._by_last.get(last) or (self._by_last.get(_stem(last)) if is_image(last) else None)
        alike = {image: common_folders(path, PurePosixPath(image)) for image in candidates or ()}
        most = max(alike.values(), default=0)
        best = [image for image, common in alike.items() if common == most]
        return best[0] if len(best) == 1 else name


def _stem(name: str) -> str:
    return name[: name.rindex(".")]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
