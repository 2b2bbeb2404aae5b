"""A cache of images in memory that all processes of a run share."""

from __future__ import annotations

import mmap
import multiprocessing
from typing import Any

import numpy as np
from jaxtyping import UInt8

NOT_KEPT = -1
ENTRY = 5
"""Numbers in the table for each image: its place, its height and width, and those that it had before."""


class SharedImages:
    """Images in shared memory: what one worker decoded, the others and the main process need not.

    The memory is reserved at once and allocated page by page as images are added; when it is full, no more
    are kept. Forked processes share it; spawned processes start with an empty cache of their own.

    Args:
        count: How many images there are.
        capacity: Bytes that may be kept.

    Raises:
        OSError: the system cannot reserve that much memory.
    """

    def __init__(self, count: int, *, capacity: int) -> None:
        self.count = count
        self.capacity = capacity
        self._pixels = np.frombuffer(mmap.mmap(-1, max(1, capacity)), dtype=np.uint8)
        table = mmap.mmap(-1, 8 * (ENTRY * count + 1))
        self._used = np.frombuffer(table, dtype=np.int64, count=1)
        self._entries = np.frombuffer(table, dtype=np.int64, offset=8).reshape(count, ENTRY)
        self._entries[:, 0] = NOT_KEPT
        self._lock = multiprocessing.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _empty, (self.count, self.capacity)

    @property
    def used(self) -> int:
        """Bytes in use."""
        return int(self._used[0])

    def has_room(self, size: int) -> bool:
        """Whether an image of `size` bytes would be kept."""
        return self.used + size <= self.capacity

    def get(self, index: int) -> UInt8[np.ndarray, "h w 3"] | None:
        """The kept image `index`, or None; it must not be written to."""
        with self._lock:
            start, height, width, *_ = (int(number) for number in self._entries[index])
        if start == NOT_KEPT:
            return None
        return self._pixels[start : start + 3 * height * width].reshape(height, width, 3)

    def original_size(self, index: int) -> tuple[int, int] | None:
        """Height and width of kept image `index` before it was made smaller; None if it is not kept."""
        with self._lock:
            start, _, _, height, width = (int(number) for number in self._entries[index])
        return None if start == NOT_KEPT else (height, width)

    def keep(
        self,
        index: int,
        pixels: UInt8[np.ndarray, "h w 3"],
        *,
        original_size: tuple[int, int] | None = None,
    ) -> None:
        """Keep image `index` if there is room for it.

        Args:
            index: Its number.
            pixels: The image.
            original_size: Height and width before it was made smaller; by default those of `pixels`.
        """
        with self._lock:
            start = self.used
            if self._entries[index, 0] != NOT_KEPT or not self.has_room(pixels.nbytes):
                return
            self._pixels[start : start + pixels.nbytes] = pixels.reshape(-1)
            self._used[0] = start + pixels.nbytes
            self._entries[index] = (start, *pixels.shape[:2], *(original_size or pixels.shape[:2]))


def _empty(count: int, capacity: int) -> SharedImages:
    return SharedImages(count, capacity=capacity)
