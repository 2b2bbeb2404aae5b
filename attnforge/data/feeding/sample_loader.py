"""Loads the sample of a position; another image takes the place of one that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, replace

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


class SampleLoader:
    """Loads the samples of positions.

    Args:
        dataset: Where samples come from.
        tokenizer: Knows which captions have a known word.
        on_bad_image: Whether an image that cannot be read is an error, or is replaced by another, which
            depends on the seed of its position alone.
    """

    def __init__(self, dataset: Dataset, tokenizer: Tokenizer, *, on_bad_image: OnBadImage = "error") -> None:
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.on_bad_image: OnBadImage = on_bad_image

    def load(self, position: Position) -> LoadedSample:
        """The sample at a position, with a caption that has a known word if there is one.

        Raises:
            ImageError: the image cannot be read, and `on_bad_image` is `error`.
            DataError: none of the images that replace it can be read either.
        """
        if self.on_bad_image == "error":
            return LoadedSample(self._sample(position.index, position.seed))
        skipped: list[SkippedImage] = []
        index = position.index
        while len(skipped) < MAX_REPLACEMENTS:
            try:
                return LoadedSample(self._sample(index, position.seed), tuple(skipped))
            except ImageError as error:
                skipped.append(SkippedImage(key_of(self.dataset, index), error.problems[0].message))
            index = derive_seed(position.seed, "replacement", len(skipped)) % len(self.dataset)
        message = f"{len(skipped)} images chosen at random cannot be read, such as {skipped[-1].key}"
        expected = "data of which most images can be read"
        raise DataError(Problem("too-many-bad-images", message, expected=expected))

    def _sample(self, index: int, seed: int) -> Sample:
        sample = self.dataset.sample(index, seed=seed)
        if self.tokenizer.encode(sample.caption):
            return sample
        captions = self.dataset.captions(index)
        known = next((caption for caption in captions if self.tokenizer.encode(caption)), None)
        return sample if known is None else replace(sample, caption=known)
