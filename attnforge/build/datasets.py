"""The splits of a recipe's data set, whose files are read once."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attnforge.build.builder import Builder, class_of
from attnforge.interfaces import Build, Dataset
from attnforge.optional import DeclaresExtras, HasExtras
from attnforge.specs import DataSpec
from attnforge.values import OnBadImage

ANY_SIZE = 64
"""Side in pixels at which a data set is opened when its images are not needed."""


@runtime_checkable
class Reopenable(Protocol):
    """A data set that can provide another split or size without reading its files again."""

    def reopened(self, spec: DataSpec) -> Dataset | None:
        """The same data for another spec; None if it must be built again."""
        ...


def declared_extras(build: Build[Dataset]) -> dict[str, tuple[int, ...]] | None:
    """Shapes of the extras that a data set's class declares for a recipe's options; None if it does not."""
    target = class_of(build)
    if not isinstance(target, DeclaresExtras):
        return None
    options = build.options if isinstance(build, Builder) else getattr(build, "keywords", {})
    return dict(target.declared_extras(options))


class Datasets:
    """Opens splits of one data set and caches them, with the images that they keep in memory.

    Args:
        build: Builds the data set of the recipe.
        on_bad_image: Whether obviously damaged images are refused, or left to the loader.
    """

    def __init__(self, build: Build[Dataset], *, on_bad_image: OnBadImage = "error") -> None:
        self._build = build
        self._on_bad_image: OnBadImage = on_bad_image
        self._opened: dict[tuple[str, int], Dataset] = {}

    def open(self, split: str, *, image_size: int) -> Dataset:
        """One split at one size; the same object each time.

        Raises:
            DataError: the data is missing or malformed.
        """
        key = (split, image_size)
        if key not in self._opened:
            spec = DataSpec(split=split, image_size=image_size, on_bad_image=self._on_bad_image)
            self._opened[key] = self._reopened(spec) or self._build(spec)
        return self._opened[key]

    def of_any_size(self, split: str) -> Dataset:
        """One split at any size that is open, for its captions and classes.

        Raises:
            DataError: the data is missing or malformed.
        """
        opened = (dataset for (name, _), dataset in self._opened.items() if name == split)
        return next(opened, None) or self.open(split, image_size=ANY_SIZE)

    def extras(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the extras of the training images, by name; none while they are not known.

        The class of the data set may declare them; otherwise they are known when the images are open.
        """
        if (declared := declared_extras(self._build)) is not None:
            return declared
        if not any(split == "train" for split, _ in self._opened):
            return {}
        data = self.of_any_size("train")
        return dict(data.extras) if isinstance(data, HasExtras) else {}

    def training_classes(self) -> int | None:
        """Number of classes in the training images, counted up to two; None while they are not open."""
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
