"""The splits of a recipe's data set, its files read once for all that ask."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attnforge.interfaces import Build, Dataset
from attnforge.specs import DataSpec


@runtime_checkable
class Reopenable(Protocol):
    """A data set that gives another split or size without reading its files again."""

    def reopened(self, spec: DataSpec) -> Dataset | None:
        """The same data by another spec; None where it must be built anew."""
        ...


class Datasets:
    """Opens splits of one data set, and keeps what it opened with the images that those keep in memory.

    Args:
        build: Builds the data set of the recipe.
    """

    def __init__(self, build: Build[Dataset]) -> None:
        self._build = build
        self._opened: dict[tuple[str, int], Dataset] = {}

    def open(self, split: str, *, image_size: int) -> Dataset:
        """One split at one size; the same object for all who ask for the same.

        Raises:
            DataError: the data is missing or malformed.
        """
        key = (split, image_size)
        if key not in self._opened:
            spec = DataSpec(split=split, image_size=image_size)
            self._opened[key] = self._reopened(spec) or self._build(spec)
        return self._opened[key]

    def _reopened(self, spec: DataSpec) -> Dataset | None:
        for dataset in self._opened.values():
            if isinstance(dataset, Reopenable) and (other := dataset.reopened(spec)) is not None:
                return other
        return None
