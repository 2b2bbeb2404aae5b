"""Which image is at which position of training, without any state.

Training reads positions 0, 1, 2 and so on. A position belongs to an epoch, each epoch has its own
permutation, and both follow from the seed, so that one integer is enough to resume.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
import torch

from attnforge.errors import DataError, Problem
from attnforge.interfaces import Dataset
from attnforge.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class Position:
    """An image, and the seed of its crop, flip and caption."""

    index: int
    seed: int
    caption: str | None = None
    """Its caption where the sampler chooses it: that of a group of images."""
    class_id: int | None = None
    """Its class there: that of the first image of the group, since the same caption describes all of them."""


class PositionSampler:
    """Gives the image and seed at any position, the same in every process and for any number of workers.

    Args:
        length: How many images the data set has.
        seed: Decides the permutations and all augmentation.
    """

    def __init__(self, length: int, *, seed: int) -> None:
        self.length = length
        self.seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.long)

    def __getitem__(self, position: int) -> Position:
        """The image and seed at a position; every image occurs once in each epoch of `length` positions."""
        epoch, place = divmod(position, self.length)
        if epoch != self._epoch:
            shuffle = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", epoch))
            self._order = torch.randperm(self.length, generator=shuffle)
            self._epoch = epoch
        return Position(index=int(self._order[place]), seed=derive_seed(self.seed, "position", position))


class BalancedSampler:
    """Draws images of small classes more often, with replacement.

    Args:
        dataset: Knows the class of each image.
        balance: An image of a class of n images is drawn n**-balance times as often as one of a class of its
            own; with 1 all classes occur as often.
        seed: Decides images and all augmentation.
    """

    def __init__(self, dataset: Dataset, *, balance: float, seed: int) -> None:
        classes = [dataset.class_id(index) for index in range(len(dataset))]
        sizes = Counter(classes)
        weights = np.array([sizes[class_id] ** -balance for class_id in classes])
        self._cumulative = np.cumsum(weights)
        self.seed = seed

    def __getitem__(self, position: int) -> Position:
        """The image and seed at a position."""
        drawn = np.random.Generator(np.random.PCG64(derive_seed(self.seed, "balanced", position))).random()
        index = int(np.searchsorted(self._cumulative, drawn * self._cumulative[-1], side="right"))
        last = len(self._cumulative) - 1
        return Position(index=min(index, last), seed=derive_seed(self.seed, "position", position))


class ClassSampler:
    """Gives images of different classes for each batch: classes drawn at random, and an image of each.

    Args:
        dataset: Knows the class of each image.
        batch_size: Images per batch, each of another class.
        seed: Decides classes, images and all augmentation.

    Raises:
        DataError: there are fewer classes than images in a batch.
    """

    def __init__(self, dataset: Dataset, *, batch_size: int, seed: int) -> None:
        images = defaultdict[int, list[int]](list)
        for index in range(len(dataset)):
            images[dataset.class_id(index)].append(index)
        self._images = [images[class_id] for class_id in sorted(images)]
        if len(images) < batch_size:
            message = (
                f"a batch needs {batch_size} images of different classes, and the training images have "
                f"{len(images)} class{'' if len(images) == 1 else 'es'}"
            )
            expected = f"a `batch_size` of {len(images)} or less, or data of more classes"
            raise DataError(Problem("few-classes", message, expected=expected))
        self.batch_size = batch_size
        self.seed = seed
        self._step = -1
        self._classes: list[int] = []

    def __getitem__(self, position: int) -> Position:
        """The image and seed at a position; no class occurs twice in a batch."""
        step, place = divmod(position, self.batch_size)
        if step != self._step:
            choice = torch.Generator().manual_seed(derive_seed(self.seed, "classes", step))
            self._classes = torch.randperm(len(self._images), generator=choice)[: self.batch_size].tolist()
            self._step = step
        images = self._images[self._classes[place]]
        chosen = derive_seed(self.seed, "image of a class", position) % len(images)
        return Position(index=images[chosen], seed=derive_seed(self.seed, "position", position))
