"""The names of a data set's images."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attnforge.interfaces import Dataset


@runtime_checkable
class HasKeys(Protocol):
    """A data set whose images have names."""

    def key(self, index: int) -> str: ...


def key_of(data: Dataset, index: int) -> str:
    """The name of image `index`, or the index where a data set has no names."""
    return data.key(index) if isinstance(data, HasKeys) else str(index)
