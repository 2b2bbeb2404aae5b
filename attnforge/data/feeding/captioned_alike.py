"""Batches with several images of one caption, determined by their positions alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random

from attnforge.data.feeding.sampler import BalancedSampler, Position, PositionSampler
from attnforge.interfaces import Dataset, Tokenizer
from attnforge.optional import FindsImages
from attnforge.seeds import derive_seed


class CaptionSampler:
    """Gives groups of consecutive positions to images of one caption, as far as there are such images.

    The first image of a group is that of `PositionSampler`, or of `BalancedSampler`, and so is its caption's
    choice; the others are drawn from the other images that the caption describes, each at most once. Where
    these are too few, the remaining positions have the images of that sampler, with captions of their own.

    Args:
        dataset: The images; where it does not know which of them a caption describes
            (`attnforge.optional.FindsImages`), those that have the very same caption.
        tokenizer: Knows which captions have a known word.
        per_caption: Positions of a group.
        seed: Decides order, captions, groups and all augmentation.
        balance: How much more often images of small classes come first; see `BalancedSampler`.
    """

    def __init__(
        self, dataset: Dataset, tokenizer: Tokenizer, *, per_caption: int, seed: int, balance: float = 0.0
    ) -> None:
        self._dataset = dataset
        self._tokenizer = tokenizer
        self._positions: PositionSampler | BalancedSampler = (
            BalancedSampler(dataset, balance=balance, seed=seed)
            if balance
            else PositionSampler(len(dataset), seed=seed)
        )
        self.per_caption = per_caption
        self._images_of = images_of(dataset)
        self._first = -1
        self._group: list[Position] = []

    def __getitem__(self, position: int) -> Position:
        """The image and seed at a position, with the caption of its group if it belongs to one."""
        place = position % self.per_caption
        if position - place != self._first:
            self._first = position - place
            self._group = self._members(self._first)
        return self._group[place] if place < len(self._group) else self._positions[position]

    def _members(self, first: int) -> list[Position]:
        """The images of the group that begins at a position, with their caption."""
        leader = self._positions[first]
        random = Random(derive_seed(leader.seed, "group"))  # noqa: S311
        known = [text for text in self._dataset.captions(leader.index) if self._tokenizer.encode(text)]
        if not known:
            return []
        caption = random.choice(known)
        others = [index for index in self._images_of(caption) if index != leader.index]
        chosen = random.sample(others, min(len(others), self.per_caption - 1))
        class_id = self._dataset.class_id(leader.index)
        return [
            Position(index, self._positions[first + place].seed, caption=caption, class_id=class_id)
            for place, index in enumerate([leader.index, *chosen])
        ]


def images_of(dataset: Dataset) -> Callable[[str], Sequence[int]]:
    """A function from a caption to the images that it describes, as far as the data set knows."""
    if isinstance(dataset, FindsImages):
        return dataset.described
    images = defaultdict[str, list[int]](list)
    for index in range(len(dataset)):
        for caption in set(dataset.captions(index)):
            images[caption].append(index)
    return lambda caption: images.get(caption, [])
