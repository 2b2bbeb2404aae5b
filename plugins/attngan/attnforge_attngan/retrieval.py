"""R-precision: does a generated picture find its own caption among mismatched ones?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from statistics import fmean, pstdev
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.seeds import derive_seed
from attnforge.specs import MetricSpec

FEWEST = 10
"""Fewer pictures in a part say nothing about how far parts differ."""


class RetrievalPrecision:
    """Share of pictures whose own caption is the nearest of `candidates` captions (section 4 of the paper).

    Nearness is the cosine of the image vector and the sentence vector of the run's own encoders. The
    other candidates come from pictures of other classes, chosen by seed; a tie counts against the picture.
    The encoders also taught the generator, so the figure is comparable within one set of encoders only.

    Args:
        candidates: Captions to choose from, the own one included; chance is one over this.
        folds: Among how many parts the pictures are shared out for the deviation of the figure; the paper
            has 10 of 3,000. There is no deviation where a part would have fewer than 10 pictures.
        seed: Decides the mismatched captions of each caption.
    """

    def __init__(
        self,
        spec: MetricSpec,
        *,
        candidates: int = 100,
        folds: Annotated[int, Field(ge=1)] = 10,
        seed: int = 1,
    ) -> None:
        self.spec = spec
        self.candidates = candidates
        self.folds = folds
        self.seed = seed
        self.pool, self.classes = _captions_and_classes(spec)
        self.hits: list[bool] = []
        self.sentences: dict[str, Float[Tensor, " d"]] = {}
        self.fewest = candidates

    @torch.inference_mode()
    def update(self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]) -> None:
        choices = [[caption, *self._mismatched(caption)] for caption in captions]
        self._encode([caption for choice in choices for caption in choice])
        cast("nn.Module", self.spec.image).eval()
        vectors = F.normalize(self.spec.image(images).image.float(), dim=1)
        for vector, choice in zip(vectors, choices, strict=True):
            scores = torch.stack([self.sentences[caption] for caption in choice]) @ vector
            self.hits.append(bool((scores[0] > scores[1:]).all()))
            self.fewest = min(self.fewest, len(choice))

    def compute(self) -> dict[str, float]:
        count = len(self.hits)
        figures = {"R-precision": sum(self.hits) / max(1, count)}
        if self.folds > 1 and count >= self.folds * FEWEST:
            figures["R-precision deviation"] = pstdev(
                fmean(self.hits[fold * count // self.folds : (fold + 1) * count // self.folds])
                for fold in range(self.folds)
            )
        return {**figures, "R-precision chance": 1 / self.fewest}

    def _mismatched(self, caption: str) -> list[str]:
        mine = self.classes.get(caption, set())
        others = [one for one in self.pool if one != caption and not (self.classes[one] & mine)]
        # By caption, so that a figure does not depend on the order in which pictures come.
        chance = Random(derive_seed(self.seed, "candidates", caption))  # noqa: S311 - no secret
        return chance.sample(others, min(self.candidates - 1, len(others)))

    def _encode(self, captions: Sequence[str]) -> None:
        missing = sorted(set(captions) - self.sentences.keys())
        for start in range(0, len(missing), 256):
            some = missing[start : start + 256]
            sentences = F.normalize(self.spec.encode(some).sentence.float(), dim=1)
            self.sentences.update(zip(some, sentences, strict=True))


def _captions_and_classes(spec: MetricSpec) -> tuple[list[str], dict[str, set[int]]]:
    classes: dict[str, set[int]] = defaultdict(set)
    for index in range(len(spec.data)):
        for caption in spec.data.captions(index):
            if spec.tokenizer.encode(caption):
                classes[caption].add(spec.data.class_id(index))
    return sorted(classes), dict(classes)
