"""Loads the sample of a position; another image takes the place of one that cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random

from attnforge.data.feeding.sampler import Position
from attnforge.data.keys import key_of
from attnforge.errors import DataError, ImageError, Problem
from attnforge.interfaces import Dataset, Sample, Tokenizer
from attnforge.seeds import derive_seed
from attnforge.values import OnBadImage

MAX_REPLACEMENTS = 32
"""Images that are tried for one position; even of data that is half damaged, hardly any fails."""


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that could not be read."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class LoadedSample:
    """The sample of a position."""

    sample: Sample
    skipped: tuple[SkippedImage, ...] = ()
    """The images that could not be read, before one that could."""
    others: tuple[str, ...] = ()
    """Further captions of the image."""


class SampleLoader:
    """Loads the samples of positions.

    Args:
        dataset: Where samples come from.
        tokenizer: Knows which captions have a known word.
        on_bad_image: Whether an image that cannot be read is an error, or is replaced by another, which
            depends on the seed of its position alone.
        captions: Captions of each image, that of its sample included. An image with fewer has some of them
            several times.
    """

    def __init__(
        self,
        dataset: Dataset,
        tokenizer: Tokenizer,
        *,
        on_bad_image: OnBadImage = "error",
        captions: int = 1,
    ) -> None:
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.on_bad_image: OnBadImage = on_bad_image
        self.captions = captions

    def load(self, position: Position) -> LoadedSample:
        """The sample at a position, with a caption that has a known word if there is one.

        Raises:
            ImageError: the image cannot be read, and `on_bad_image` is `error`.
            DataError: none of the images that replace it can be read either.
        """
        if self.on_bad_image == "error":
            return _captioned(self._loaded(position.index, position.seed), position)
        skipped: list[SkippedImage] = []
        index = position.index
        while len(skipped) < MAX_REPLACEMENTS:
            try:
                loaded = self._loaded(index, position.seed, skipped)
                return loaded if skipped else _captioned(loaded, position)
            except ImageError as error:
                skipped.append(SkippedImage(key_of(self.dataset, index), error.problems[0].message))
            index = derive_seed(position.seed, "replacement", len(skipped)) % len(self.dataset)
        message = f"{len(skipped)} images chosen at random cannot be read, such as {skipped[-1].key}"
        expected = "data of which most images can be read"
        raise DataError(Problem("too-many-bad-images", message, expected=expected))

    def _loaded(self, index: int, seed: int, skipped: Sequence[SkippedImage] = ()) -> LoadedSample:
        sample = self._sample(index, seed)
        others = self._others(index, seed, sample.caption) if self.captions > 1 else ()
        return LoadedSample(sample, tuple(skipped), others)

    def _others(self, index: int, seed: int, caption: str) -> tuple[str, ...]:
        """Further captions of an image in random order, those with a known word."""
        all_captions = list(self.dataset.captions(index))
        if caption in all_captions:
            all_captions.remove(caption)
        known = [other for other in all_captions if self.tokenizer.encode(other)]
        Random(derive_seed(seed, "other captions")).shuffle(known)  # noqa: S311
        return tuple(islice(cycle([*known, caption]), self.captions - 1))

    def _sample(self, index: int, seed: int) -> Sample:
        sample = self.dataset.sample(index, seed=seed)
        if self.tokenizer.encode(sample.caption):
            return sample
        captions = self.dataset.captions(index)
        known = next((caption for caption in captions if self.tokenizer.encode(caption)), None)
        return sample if known is None else replace(sample, caption=known)


def _captioned(loaded: LoadedSample, position: Position) -> LoadedSample:
    """The sample with the caption and class that its position chooses, if it does."""
    if position.caption is None or position.class_id is None:
        return loaded
    sample = replace(loaded.sample, caption=position.caption, class_id=position.class_id)
    return replace(loaded, sample=sample)
