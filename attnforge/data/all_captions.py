"""The captions of all images of a data set, as one sequence that is never a list in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np
from jaxtyping import Int64

from attnforge.interfaces import Dataset


class AllCaptions(Sequence[str]):
    """The captions of all images, in order.

    Args:
        data: The images.
    """

    def __init__(self, data: Dataset) -> None:
        self._data = data

    def __iter__(self) -> Iterator[str]:
        for index in range(len(self._data)):
            yield from self._data.captions(index)

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[number] for number in range(*index.indices(len(self))))
        number = range(len(self))[index]
        image = int(self._ends.searchsorted(number, side="right")) - 1
        return self._data.captions(image)[number - int(self._ends[image])]

    @cached_property
    def _ends(self) -> Int64[np.ndarray, " ends"]:
        """Where the captions of each image end, after a leading 0."""
        counts = (len(self._data.captions(index)) for index in range(len(self._data)))
        return np.concatenate([[0], np.cumsum(np.fromiter(counts, dtype=np.int64))])
