"""R-precision: does a generated image find its own caption among mismatched ones?"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from random import Random
from statistics import fmean, pstdev
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.evaluate.least import MIN_IMAGES, too_few
from attnforge.ranges import Positive
from attnforge.seeds import derive_seed
from attnforge.specs import MetricSpec


class RetrievalPrecision:
    """Share of images whose own caption is the nearest of `candidates` captions (section 4 of the paper).

    Nearness is the cosine of the image vector and the sentence vector of the run's own encoders. The
    other candidates come from images of other classes, chosen by seed; a tie counts against the image.
    The encoders also taught the generator, so the figure is comparable within one set of encoders only.
    Fewer than 10 images, or captions that have no other to be told from, give the reason and no figure.

    Args:
        candidates: Captions to choose from, the own one included; chance is one over this.
        folds: Among how many parts the images are shared out for the deviation of the figure; the paper
            has 10 of 3,000. There is no deviation where a part would have fewer than 10 images.
        seed: Decides the mismatched captions of each caption.
    """

    def __init__(
        self,
        spec: MetricSpec,
        *,
        candidates: Annotated[int, Field(ge=2)] = 100,
        folds: Positive = 10,
        seed: int = 1,
    ) -> None:
        self.spec = spec
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
        cast("nn.Module", self.spec.image).eval()
        vectors = F.normalize(self.spec.image(images).image.float(), dim=1)
        for vector, choice in zip(vectors, choices, strict=True):
            own, *others = (self.tokens[caption] for caption in choice)
            scores = torch.stack([self.sentences[tokens] for tokens in (own, *others)]) @ vector
            # The same tokens tie, whatever rounding makes of them at two places of a product.
            self.hits.append(own not in others and bool((scores[0] > scores[1:]).all()))
            self.fewest = min(self.fewest, len(choice))

    def compute(self) -> dict[str, float | str]:
        count = len(self.hits)
        if reason := too_few(count):
            return {"R-precision withheld": reason}
        if self.fewest < 2:
            reason = "a caption has no other of another class to be told from"
            return {"R-precision withheld": f"{reason}: the split is too small, or of a single class"}
        metrics: dict[str, float | str] = {"R-precision": sum(self.hits) / count}
        if self.folds > 1 and count >= self.folds * MIN_IMAGES:
            metrics["R-precision deviation"] = pstdev(
                fmean(self.hits[fold * count // self.folds : (fold + 1) * count // self.folds])
                for fold in range(self.folds)
            )
        return {**metrics, "R-precision chance": 1 / self.fewest}

    def _mismatched(self, caption: str) -> list[str]:
        # By caption, so that a figure does not depend on the order in which images come.
        chance = Random(derive_seed(self.seed, "candidates", caption))  # noqa: S311 - no secret
        return self.pool.draw(caption, self.candidates - 1, chance=chance)

    def _encode(self, captions: Sequence[str]) -> None:
        new = sorted(set(captions) - self.tokens.keys())
        self.tokens.update((caption, tuple(self.spec.tokenizer.encode(caption))) for caption in new)
        # Captions of the same tokens share a vector: of two batches, it would differ in its last bits.
        missing = {
            tokens: caption for caption in new if (tokens := self.tokens[caption]) not in self.sentences
        }
        keys = list(missing)
        for start in range(0, len(keys), 256):
            some = keys[start : start + 256]
            sentences = self.spec.encode([missing[tokens] for tokens in some]).sentence.float()
            self.sentences.update(zip(some, F.normalize(sentences, dim=1), strict=True))


class CandidatePool:
    """All captions of a split, of which mismatched ones are drawn by their number in the alphabet.

    A draw costs as much as it has candidates and its classes have captions, however many others there are.

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

    def draw(self, caption: str, count: int, *, chance: Random) -> list[str]:
        """Different captions that share no class with one; fewer than `count` where there are no more."""
        left_out = {number for one in self.classes.get(caption, ()) for number in self._of_class[one]}
        if caption in self._numbers:
            left_out.add(self._numbers[caption])
        # what stands between two captions that are left out moves up by as many as lie before it
        steps = [number - place for place, number in enumerate(sorted(left_out))]
        others = len(self.captions) - len(left_out)
        drawn = chance.sample(range(others), min(count, others))
        return [self.captions[number + bisect_right(steps, number)] for number in drawn]


def _captions_and_classes(spec: MetricSpec) -> dict[str, set[int]]:
    classes: dict[str, set[int]] = defaultdict(set)
    for index in range(len(spec.data)):
        for caption in spec.data.captions(index):
            if spec.tokenizer.encode(caption):
                classes[caption].add(spec.data.class_id(index))
    return dict(classes)
