"""The splits of a recipe's data set, its files read once for all that ask."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attnforge.interfaces import Build, Dataset
from attnforge.specs import DataSpec

ANY_SIZE = 64
"""Side in pixels at which a data set is opened whose images nobody asks for."""


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

    def of_any_size(self, split: str) -> Dataset:
        """One split for its captions and classes alone, at whatever size it is open.

        Raises:
            DataError: the data is missing or malformed.
        """
        known = (dataset for (name, _), dataset in self._opened.items() if name == split)
        return next(known, None) or self.open(split, image_size=ANY_SIZE)

    def training_classes(self) -> int | None:
        """How many classes the training images are of, counted to two; None while they are not open."""
        if not any(split == "train" for split, _ in self._opened):
            return None
        data, classes = self.of_any_size("train"), set[int]()
        for index in range(len(data)):
            classes.add(data.class_id(index))
            if len(classes) == 2:
                break
        return len(classes)

    def _reopened(self, spec: DataSpec) -> Dataset | None:
        for dataset in self._opened.values():
            if isinstance(dataset, Reopenable) and (other := dataset.reopened(spec)) is not None:
                return other
        return None
