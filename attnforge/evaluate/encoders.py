"""Measures encoders while they train: on real images of the test split and their captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.build.parts import Parts
from attnforge.data.choosing import ChosenCaption, choose_captions
from attnforge.data.encoding import CaptionEncoder
from attnforge.data.feeding.shortened import ShortenedTokenizer
from attnforge.errors import DataError, Problem
from attnforge.evaluate.extracting import Extraction, shared_extractors
from attnforge.evaluate.headlines import headlines
from attnforge.evaluate.measure import compute_values
from attnforge.evaluate.networks import REFERENCE_SEED, Networks, Reference
from attnforge.evaluate.quantise import from_bytes
from attnforge.interfaces import Dataset
from attnforge.recipe.schema import Phase
from attnforge.specs import MetricSpec


@dataclass(frozen=True, slots=True)
class CaptionedImages:
    """Real images with the captions that were chosen of them, as an `ImageSource`."""

    chosen: Sequence[ChosenCaption]
    data: Dataset
    device: torch.device

    @property
    def captions(self) -> Sequence[str]:
        """The caption of each image."""
        return [choice.caption for choice in self.chosen]

    def images(self, numbers: Sequence[int]) -> Float[Tensor, "b 3 h w"]:
        """The images of some numbers, in [-1, 1]."""
        samples = [self.data.sample(self.chosen[number].image, seed=REFERENCE_SEED) for number in numbers]
        return from_bytes(torch.stack([sample.image for sample in samples])).to(self.device)


class EncoderMetrics:
    """The metrics of the encoders that a phase trains, which a run builds before training, to fail early.

    Captions are read as the phase reads them, and images have its size. No value depends on the number of
    processes.

    Args:
        parts: The encoders, the tokenizer and the data.
        phase: The phase, with metrics in its `evaluation`.

    Raises:
        DataError: the test split is missing or malformed, or has no caption with a known word.
        RecipeError: a metric cannot be built.
    """

    def __init__(self, parts: Parts, phase: Phase) -> None:
        self.options = phase.evaluation
        seed, size = self.options.seed, phase.image_size or parts.image_size
        tokenizer = ShortenedTokenizer(
            parts.tokenizer, max_words=phase.max_words, seed=seed, truncate=phase.truncate
        )
        data = parts.dataset("test", image_size=size)
        chosen = choose_captions(data, count=self.options.captions, seed=seed, tokenizer=tokenizer)
        if not chosen:
            message = "no caption of the test split has a known word, so the encoders cannot be measured"
            raise DataError(Problem("captions-empty", message, expected="captions of the words of the run"))
        self.images = CaptionedImages(chosen, data, parts.device)

        def real_images(split: str) -> Dataset:
            return parts.dataset(split, image_size=size)

        spec = MetricSpec(
            encode=CaptionEncoder(parts.text, tokenizer, parts.device),
            image=parts.image,
            tokenizer=tokenizer,
            data=data,
            features=Networks(
                Reference(real_images, parts.device, image_size=size, batch_size=self.options.batch_size)
            ),
        )
        self.built = {name: builder(spec) for name, builder in self.options.metrics.items()}

    def values(self) -> dict[str, float]:
        """The main values of all metrics, each as `METRIC/VALUE`; those that are withheld are left out."""
        extraction = Extraction(batch_size=self.options.batch_size)
        rows = extraction.rows(self.images, shared_extractors(list(self.built.values())))
        values: dict[str, float] = {}
        for name, metric in self.built.items():
            computed = compute_values({name: metric}, rows, self.images.captions).metrics
            values |= {f"{name}/{value}": float(computed[value]) for value in headlines(computed)}
        return values
