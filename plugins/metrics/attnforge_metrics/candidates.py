"""Mismatched captions of many images, chosen by number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from attnforge.interfaces import Dataset, Tokenizer
from attnforge.seeds import derive_seed


class Candidates:
    """All captions of a split in alphabetical order, from which mismatched ones are chosen by number.

    The cost of a choice depends on the number of candidates and on the captions of the own classes, not on
    that of all captions.

    Args:
        classes: The classes of each caption.
    """

    def __init__(self, classes: Mapping[str, Set[int]]) -> None:
        self.classes = classes
        self.captions = sorted(classes)
        self._numbers = {caption: number for number, caption in enumerate(self.captions)}
        self._of_class: dict[int, list[int]] = defaultdict(list)
        for number, caption in enumerate(self.captions):
            for class_id in classes[caption]:
                self._of_class[class_id].append(number)

    @classmethod
    def of(cls, data: Dataset | None, tokenizer: Tokenizer) -> Candidates:
        """The captions of a split that have a known word; none without data."""
        classes: dict[str, set[int]] = defaultdict(set)
        for index in range(0 if data is None else len(data)):
            assert data is not None  # noqa: S101  (its length is 0 without it)
            for caption in data.captions(index):
                classes[caption].add(data.class_id(index))
        return cls({caption: own for caption, own in classes.items() if tokenizer.encode(caption)})

    def including(self, captions: Sequence[str]) -> Candidates:
        """These candidates; or, where there are none, some captions, each of a class of its own."""
        if self.captions:
            return self
        return Candidates({caption: {number} for number, caption in enumerate(sorted(set(captions)))})

    def choose(self, captions: Sequence[str], *, count: int, seed: int) -> tuple[Int[Tensor, "n count"], int]:
        """Up to `count` different candidates of other classes for each caption, and the fewest of any.

        By caption, so that neither the order of the images nor their number changes a choice.

        Args:
            captions: The captions.
            count: How many candidates each gets; -1 stands where there are fewer.
            seed: Seed of the choice.
        """
        chosen = {caption: self._choose(caption, count, seed) for caption in dict.fromkeys(captions)}
        table = np.full((len(captions), count), -1)
        for row, caption in enumerate(captions):
            table[row, : len(chosen[caption])] = chosen[caption]
        return torch.from_numpy(table), min(map(len, chosen.values()))

    def _choose(self, caption: str, count: int, seed: int) -> np.ndarray:
        excluded = {number for own in self.classes.get(caption, ()) for number in self._of_class[own]}
        if caption in self._numbers:
            excluded.add(self._numbers[caption])
        ordered = np.array(sorted(excluded), dtype=np.int64)
        # an index among the allowed captions is shifted by the number of excluded captions before it
        shifts = ordered - np.arange(len(ordered))
        others = len(self.captions) - len(ordered)
        random = np.random.Generator(np.random.PCG64(derive_seed(seed, "candidates", caption)))
        drawn = random.choice(others, size=min(count, others), replace=False, shuffle=False)
        return drawn + np.searchsorted(shifts, drawn, side="right")
