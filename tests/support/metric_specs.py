"""Specs of metrics whose images and captions they can measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from attnforge_attngan.tokenizer import WordTokenizer
from attnforge_sketch_birds.dataset import SketchBirds

from attnforge.data.encoding import CaptionEncoder
from attnforge.interfaces import Sample
from attnforge.specs import DataSpec, ImageSpec, MetricSpec, TextSpec
from attnforge.testing.examples import spec_for
from attnforge.testing.examples.images import ExampleImageEncoder
from attnforge.testing.examples.texts import ExampleDataset, ExampleTextEncoder

SIZE = 64


def sketch_birds() -> MetricSpec:
    """Images whose captions the grammar of the sketch birds can read."""
    data = SketchBirds(DataSpec(split="test", image_size=SIZE), test_count=12)
    tokenizer = WordTokenizer()
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])
    text = ExampleTextEncoder(TextSpec(vocabulary_size=tokenizer.vocabulary_size))
    return MetricSpec(
        encode=CaptionEncoder(text, tokenizer, torch.device("cpu")),
        image=ExampleImageEncoder(ImageSpec(dim=6, image_size=SIZE)),
        tokenizer=tokenizer,
        data=data,
    )


class FewCaptions(ExampleDataset):
    """Four images, each with one caption, so that twelve images share them."""

    def __len__(self) -> int:
        return 4

    def sample(self, index: int, *, seed: int) -> Sample:
        return replace(super().sample(index, seed=seed), caption=self.captions(index)[0])


class BirdsWithFewCaptions(SketchBirds):
    """Birds of which every fourth has the same captions, whatever its colours."""

    def captions(self, index: int) -> Sequence[str]:
        """The first caption of one of four birds."""
        return super().captions(index % 4)[:1]


def birds_with_few_captions() -> MetricSpec:
    """Birds of which several have the same caption."""
    data = BirdsWithFewCaptions(DataSpec(split="test", image_size=SIZE), test_count=12)
    return replace(sketch_birds(), data=data)


def shared_captions() -> MetricSpec:
    """Images of which several have the same caption."""
    spec: MetricSpec = spec_for("metric", Path())
    return replace(spec, data=FewCaptions(DataSpec(split="test", image_size=SIZE)))
