"""R-precision: how often a generated image retrieves its own caption among mismatched ones."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from random import Random
from statistics import fmean, pstdev
from typing import Annotated, ClassVar, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.evaluate.least import MIN_IMAGES, too_few
from attnforge.optional import Better
from attnforge.ranges import Positive
from attnforge.seeds import derive_seed
from attnforge.specs import MetricSpec


class RetrievalPrecision:
    """Share of images whose own caption is the nearest of `candidates` captions (section 4 of the paper).

    Similarity is the cosine of the image vector and the sentence vector of the run's own encoders. The other
    candidates are captions of images of other classes, chosen by seed; a tie counts as a miss. The generator
    was trained with the same encoders, so values are comparable only within one set of encoders. With fewer
    than 10 images, or captions without mismatched candidates, the metric is withheld with the reason.

    Args:
        candidates: Number of captions to choose from, including the image's own; chance is 1 / candidates.
        folds: Number of folds for the deviation; the paper has 10 of 3,000 images. The deviation is omitted
            if a fold would have fewer than 10 images.
        seed: Seed of the choice of mismatched captions.
    """

    needs_captions: ClassVar[bool] = True

    better: ClassVar[Better] = "higher"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        candidates: Annotated[int, Field(ge=2)] = 100,
        folds: Positive = 10,
        seed: int = 1,
    ) -> None:
        if spec.image is None:
            message = (
                "the metric `r-precision` compares captions with images by an image encoder, which is missing"
            )
            expected = "an `image` encoder in the recipe, or other metrics"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        self.spec = spec
        self.image = spec.image
        self.candidates = candidates
        self.folds = folds
        self.seed = seed
        self.pool = CandidatePool(_captions_and_classes(spec))
        self.hits: list[bool] = []
        self.tokens: dict[str, tuple[int, ...]] = {}
        self.sentences: dict[tuple[int, ...], Float[Tensor, " d"]] = {}
        self.fewest = candidates

    @torch.inference_mode()
    def update(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> None:
        choices = [[caption, *self._mismatched(caption)] for caption in captions]
        self._encode([caption for choice in choices for caption in choice])
        cast("nn.Module", self.image).eval()
        vectors = F.normalize(self.image(images).image.float(), dim=1)
        for vector, choice in zip(vectors, choices, strict=True):
            own, *others = (self.tokens[caption] for caption in choice)
            scores = torch.stack([self.sentences[tokens] for tokens in (own, *others)]) @ vector
            # the same tokens tie, however rounding differs within a product
            self.hits.append(own not in others and bool((scores[0] > scores[1:]).all()))
            self.fewest = min(self.fewest, len(choice))

    def compute(self) -> dict[str, float | str]:
        count = len(self.hits)
        if reason := too_few(count):
            return {"R-precision withheld": reason}
        if self.fewest < 2:
            reason = "a caption has no mismatched caption of another class"
            return {"R-precision withheld": f"{reason}: the split is too small or has a single class"}
        metrics: dict[str, float | str] = {"R-precision": sum(self.hits) / count}
        if self.folds > 1 and count >= self.folds * MIN_IMAGES:
            metrics["R-precision deviation"] = pstdev(
                fmean(self.hits[fold * count // self.folds : (fold + 1) * count // self.folds])
                for fold in range(self.folds)
            )
        return {**metrics, "R-precision chance": 1 / self.fewest}

    def _mismatched(self, caption: str) -> list[str]:
        # by caption, so that the metric does not depend on the order of the images
        generator = Random(derive_seed(self.seed, "candidates", caption))  # noqa: S311 - not for security
        return self.pool.draw(caption, self.candidates - 1, generator=generator)

    def _encode(self, captions: Sequence[str]) -> None:
        new = sorted(set(captions) - self.tokens.keys())
        self.tokens.update((caption, tuple(self.spec.tokenizer.encode(caption))) for caption in new)
        # captions of the same tokens share a vector, whose last bits would differ between batches
        missing = {
            tokens: caption for caption in new if (tokens := self.tokens[caption]) not in self.sentences
        }
        keys = list(missing)
        for start in range(0, len(keys), 256):
            batch = keys[start : start + 256]
            sentences = self.spec.encode([missing[tokens] for tokens in batch]).sentence.float()
            self.sentences.update(zip(batch, F.normalize(sentences, dim=1), strict=True))


class CandidatePool:
    """All captions of a split, from which mismatched ones are drawn by their alphabetical index.

    The cost of a draw depends on its candidates and on the captions of its classes, not on all captions.

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

    def draw(self, caption: str, count: int, *, generator: Random) -> list[str]:
        """Up to `count` different captions, none of which shares a class with the given one."""
        excluded = {number for own in self.classes.get(caption, ()) for number in self._of_class[own]}
        if caption in self._numbers:
            excluded.add(self._numbers[caption])
        # an index among the allowed captions is shifted by the number of excluded captions before it
        shifts = [number - index for index, number in enumerate(sorted(excluded))]
        others = len(self.captions) - len(excluded)
        drawn = generator.sample(range(others), min(count, others))
        return [self.captions[number + bisect_right(shifts, number)] for number in drawn]


def _captions_and_classes(spec: MetricSpec) -> dict[str, set[int]]:
    classes: dict[str, set[int]] = defaultdict(set)
    for index in range(len(spec.data)):
        for caption in spec.data.captions(index):
            if spec.tokenizer.encode(caption):
                classes[caption].add(spec.data.class_id(index))
    return dict(classes)
