"""Fingerprints of training data, so that a run is not resumed with different data unnoticed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii as _quoted
from typing import Protocol, runtime_checkable

from attnforge.data.images.stored import StoredImage
from attnforge.data.keys import HasKeys
from attnforge.data.spaced import evenly_spaced
from attnforge.interfaces import Dataset

CHUNK_BYTES = 2048
"""Bytes that are read of an image file at its beginning, middle and end."""
SAMPLED_IMAGES = 8
"""Images that are hashed if those of a data set are not stored."""
MAX_HASHED_IMAGES = 20_000
"""Stored images of which bytes are hashed."""
_BITS = 128


@runtime_checkable
class HasStoredImages(Protocol):
    """A data set whose images are stored encoded."""

    def stored(self, index: int) -> StoredImage: ...


def fingerprint(data: Dataset) -> dict[str, str]:
    """Separate digests of a split's names, order, captions, classes and images.

    Of a stored image, the size and the bytes at its beginning, middle and end are hashed: 20,000 files take
    well under a second. A change to other bytes that keeps the size goes unnoticed, as may happen in formats
    without compression. Of more than `MAX_HASHED_IMAGES`, so many are hashed, at equal distances. Of a data
    set whose images are not stored, `SAMPLED_IMAGES` images are hashed.
    """
    names, captions, classes, images = (_UnorderedDigest() for _ in range(4))
    order = hashlib.sha256()
    key = data.key if isinstance(data, HasKeys) else str
    for index in range(len(data)):
        name = _quoted(key(index))
        order.update(name.encode())
        names.add(name)
        captions.add(name, *map(_quoted, data.captions(index)))
        classes.add(name, f'"{data.class_id(index)}"')
    if isinstance(data, HasStoredImages):
        for index in evenly_spaced(len(data), MAX_HASHED_IMAGES):
            images.add(*map(_quoted, (key(index), stored_digest(data.stored(index)))))
    else:
        for index in evenly_spaced(len(data), SAMPLED_IMAGES):
            image = data.sample(index, seed=0).image
            digest = hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest()
            images.add(_quoted(str(index)), _quoted(digest))
    return {
        "count": str(len(data)),
        "names": names.digest(),
        "order": order.hexdigest()[: _BITS // 4],
        "captions": captions.digest(),
        "classes": classes.digest(),
        "images": images.digest(),
    }


IMAGES_DIFFER = "different image contents"


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The differences between two fingerprints, in words; without those that follow from others."""
    if not before:
        return []
    if before.get("count") != now["count"]:
        return [f"{now['count']} images instead of {before.get('count')}"]
    if before.get("names") != now["names"]:
        return ["different image names"]
    words = {
        "order": "a different order of images",
        "captions": "different captions",
        "classes": "different classes",
        "images": IMAGES_DIFFER,
    }
    return [text for part, text in words.items() if before.get(part) != now[part]]


class _UnorderedDigest:
    """A digest that does not depend on the order of its items."""

    def __init__(self) -> None:
        self.sum = 0

    def add(self, *quoted: str) -> None:
        """Add an item: the list of some strings, each already quoted as JSON."""
        digest = hashlib.sha256(f"[{', '.join(quoted)}]".encode()).digest()
        self.sum += int.from_bytes(digest[: _BITS // 8], "little")

    def digest(self) -> str:
        return f"{self.sum % (1 << _BITS):0{_BITS // 4}x}"


def stored_digest(image: StoredImage) -> str:
    """A digest of the size and some bytes of an image; loading it reports one that cannot be read."""
    try:
        with image.opened() as stream:
            size = stream.seek(0, os.SEEK_END)
            digest = hashlib.sha256(str(size).encode())
            for offset in (0, size // 2, max(0, size - CHUNK_BYTES)):
                stream.seek(offset)
                digest.update(stream.read(CHUNK_BYTES))
            return digest.hexdigest()
    except OSError:
        return "unreadable"
