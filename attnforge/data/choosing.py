"""Chooses captions of a data set, for samples and metrics."""

from __future__ import annotations

from dataclasses import dataclass

from attnforge.interfaces import Dataset, Tokenizer
from attnforge.seeds import derive_seed


@dataclass(frozen=True, slots=True)
class ChosenCaption:
    """A caption of a data set."""

    caption: str
    image: int
    """Index of the image that it belongs to."""


def choose_captions(
    data: Dataset, *, count: int, seed: int, tokenizer: Tokenizer | None = None
) -> list[ChosenCaption]:
    """Captions spread over the images of a split, chosen by seed.

    Args:
        data: The split.
        count: How many captions.
        seed: Seed of the choice.
        tokenizer: If there is one, each caption has at least one word that it knows.
    """
    order = sorted(range(len(data)), key=lambda index: derive_seed(seed, "image", index))
    chosen: list[ChosenCaption] = []
    offset = 0
    while len(chosen) < count:
        added = False
        for index in order:
            captions = data.captions(index)
            if offset >= len(captions):
                continue
            added = True
            first = derive_seed(seed, "caption", index) % len(captions)
            caption = captions[(first + offset) % len(captions)]
            if tokenizer is None or tokenizer.encode(caption):
                chosen.append(ChosenCaption(caption, index))
            if len(chosen) == count:
                break
        if not added:
            break
        offset += 1
    return chosen
