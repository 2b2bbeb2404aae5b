"""Fingerprints of training data, so that a run is not resumed with different data unnoticed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from attnforge.interfaces import Dataset

CHUNK_BYTES = 2048
"""Bytes that are read of an image file at its beginning, middle and end."""
SAMPLED_IMAGES = 8
"""Images that are hashed if a data set has no files."""
_BITS = 128


@runtime_checkable
class HasKeys(Protocol):
    """A data set whose images have names."""

    def key(self, index: int) -> str: ...


@runtime_checkable
class HasFiles(Protocol):
    """A data set whose images are files."""

    def file(self, index: int) -> Path: ...


def fingerprint(data: Dataset) -> dict[str, str]:
    """Separate digests of a split's names, order, captions, classes and images.

    Of an image file, the size and the bytes at its beginning, middle and end are hashed: 20,000 files take
    well under a second. A change to other bytes that keeps the size goes unnoticed, as may happen in formats
    without compression. Of a data set without files, `SAMPLED_IMAGES` images are hashed.
    """
    names, captions, classes, images = (
        _UnorderedDigest(),
        _UnorderedDigest(),
        _UnorderedDigest(),
        _UnorderedDigest(),
    )
    order = hashlib.sha256()
    for index in range(len(data)):
        name = data.key(index) if isinstance(data, HasKeys) else str(index)
        order.update(json.dumps(name).encode())
        names.add(name)
        captions.add(name, *data.captions(index))
        classes.add(name, str(data.class_id(index)))
        if isinstance(data, HasFiles):
            images.add(name, _file_digest(data.file(index)))
    if not isinstance(data, HasFiles):
        for index in _evenly_spaced(len(data)):
            image = data.sample(index, seed=0).image
            images.add(str(index), hashlib.sha256(image.contiguous().numpy().tobytes()).hexdigest())
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

    def add(self, *texts: str) -> None:
        digest = hashlib.sha256(json.dumps(texts).encode()).digest()
        self.sum += int.from_bytes(digest[: _BITS // 8], "little")

    def digest(self) -> str:
        return f"{self.sum % (1 << _BITS):0{_BITS // 4}x}"


def _file_digest(file: Path) -> str:
    """A digest of the size and some bytes of a file; reading images reports files that cannot be read."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return "unreadable"
    try:
        size = os.fstat(handle).st_size
        digest = hashlib.sha256(str(size).encode())
        for offset in (0, size // 2, max(0, size - CHUNK_BYTES)):
            os.lseek(handle, offset, os.SEEK_SET)
            digest.update(os.read(handle, CHUNK_BYTES))
        return digest.hexdigest()
    finally:
        os.close(handle)


def _evenly_spaced(count: int) -> Iterator[int]:
    chosen = min(count, SAMPLED_IMAGES)
    return (index * count // chosen for index in range(chosen))
