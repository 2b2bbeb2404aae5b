"""What training data looks like from afar, so that a run does not go on with other data unnoticed."""

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
DRAWN_IMAGES = 8
"""Images that are looked at where a data set has no files."""
_BITS = 128


@runtime_checkable
class Keyed(Protocol):
    """A data set whose images have names."""

    def key(self, index: int) -> str: ...


@runtime_checkable
class Filed(Protocol):
    """A data set whose images are files."""

    def file(self, index: int) -> Path: ...


def fingerprint(data: Dataset) -> dict[str, str]:
    """Digests of a split's names, order, captions, classes and images, each by itself.

    Image files are known by size and by the bytes at their beginning, middle and end: 20,000 take well
    under a second. A change that touches only other bytes of a file of the same size is not seen, as may
    happen in formats without compression. Of a data set without files, `DRAWN_IMAGES` images are drawn.
    """
    names, captions, classes, images = _Heap(), _Heap(), _Heap(), _Heap()
    order = hashlib.sha256()
    for index in range(len(data)):
        name = data.key(index) if isinstance(data, Keyed) else str(index)
        order.update(json.dumps(name).encode())
        names.add(name)
        captions.add(name, *data.captions(index))
        classes.add(name, str(data.class_id(index)))
        if isinstance(data, Filed):
            images.add(name, _glimpse(data.file(index)))
    if not isinstance(data, Filed):
        for index in _spread(len(data)):
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


IMAGES_DIFFER = "other contents of image files"


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What differs between two fingerprints, in words; what follows from another difference is left out."""
    if not before:
        return []
    if before.get("count") != now["count"]:
        return [f"{now['count']} images instead of {before.get('count')}"]
    if before.get("names") != now["names"]:
        return ["other images, by their names"]
    words = {
        "order": "another order of the images",
        "captions": "other captions",
        "classes": "other classes",
        "images": IMAGES_DIFFER,
    }
    return [text for part, text in words.items() if before.get(part) != now[part]]


class _Heap:
    """A digest of things in any order."""

    def __init__(self) -> None:
        self.sum = 0

    def add(self, *texts: str) -> None:
        digest = hashlib.sha256(json.dumps(texts).encode()).digest()
        self.sum += int.from_bytes(digest[: _BITS // 8], "little")

    def digest(self) -> str:
        return f"{self.sum % (1 << _BITS):0{_BITS // 4}x}"


def _glimpse(file: Path) -> str:
    """Size and some bytes of a file; one that cannot be read is the reader's to complain of."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return "unreadable"
    try:
        size = os.fstat(handle).st_size
        digest = hashlib.sha256(str(size).encode())
        for place in (0, size // 2, max(0, size - CHUNK_BYTES)):
            os.lseek(handle, place, os.SEEK_SET)
            digest.update(os.read(handle, CHUNK_BYTES))
        return digest.hexdigest()
    finally:
        os.close(handle)


def _spread(count: int) -> Iterator[int]:
    chosen = min(count, DRAWN_IMAGES)
    return (index * count // chosen for index in range(chosen))
