"""Which image is at which position of training, without any state.

Training reads positions 0, 1, 2 and so on. A position belongs to an epoch, each epoch has its own
permutation, and both follow from the seed, so that one integer is enough to resume.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from attnforge.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class Position:
    """An image, and the seed of its crop, flip and caption."""

    index: int
    seed: int


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
