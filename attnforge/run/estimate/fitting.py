"""The batch sizes that fit into a memory, by estimates at a few batch sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

MEMORIES_GB = (8, 16, 24, 40, 80)
"""Memories of common GPUs, in GiB as their makers count."""
MAX_BATCH_SIZE = 1_000_000


class MemoryCurve:
    """The peak memory of a step over the batch size: a parabola through three estimates.

    Losses that match every caption with every image grow with the square of the batch size.

    Args:
        points: Batch sizes and bytes of three estimates, by batch size.
    """

    def __init__(self, points: Sequence[tuple[int, int]]) -> None:
        (size1, bytes1), (size2, bytes2), (size3, bytes3) = points
        self._origin = (size2, size3, bytes3)
        self._slope = (bytes3 - bytes2) / (size3 - size2)
        first_slope = (bytes2 - bytes1) / (size2 - size1)
        self._curvature = max(0.0, (self._slope - first_slope) / (size3 - size1))

    def bytes_at(self, batch_size: int) -> float:
        """Estimated peak memory in bytes."""
        size2, size3, bytes3 = self._origin
        offset = batch_size - size3
        return bytes3 + self._slope * offset + self._curvature * offset * (batch_size - size2)

    def largest_batch(self, memory_bytes: float) -> int:
        """The largest batch size that fits; 0 if none does."""
        low, high = 0, MAX_BATCH_SIZE
        while low < high:
            middle = (low + high + 1) // 2
            if self.bytes_at(middle) <= memory_bytes:
                low = middle
            else:
                high = middle - 1
        return low


def memory_curve(peak: Callable[[int], int], *, batch_size: int) -> MemoryCurve:
    """The curve through the estimates at a batch size, at half of it and at twice as much.

    Args:
        peak: Estimates the peak memory at a batch size, in bytes.
        batch_size: The batch size of the recipe.
    """
    middle = max(4, batch_size)
    return MemoryCurve([(size, peak(size)) for size in (middle // 2, middle, 2 * middle)])
