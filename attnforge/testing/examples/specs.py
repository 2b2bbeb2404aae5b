"""A small spec for each kind of component."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from attnforge.data.encoding import CaptionEncoder
from attnforge.evaluate.networks import Networks, Reference
from attnforge.specs import (
    AttentionSpec,
    ConditionerSpec,
    DataSpec,
    DiscriminatorSpec,
    GeneratorSpec,
    ImageSpec,
    MetricSpec,
    SamplerSpec,
    ScorerSpec,
    StageSpec,
    TaskSpec,
    TextSpec,
    TrackerSpec,
)
from attnforge.testing.examples.adversarial import ExampleLoss
from attnforge.testing.examples.images import ExampleImageEncoder
from attnforge.testing.examples.steps import CONDITION, IMAGE_SIZE, VOCABULARY, WORDS, loss_spec, networks_for
from attnforge.testing.examples.texts import ExampleDataset, ExampleTextEncoder, ExampleTokenizer

LATER_STAGE = StageSpec(channels=4, in_channels=4, in_size=8, out_size=16, condition=5, words=WORDS, noise=2)
FIRST_STAGE = StageSpec(
    channels=4, in_channels=None, in_size=None, out_size=16, condition=5, words=WORDS, noise=2
)


def spec_for(kind: str, folder: Path) -> Any:
    """A small spec for a component of this kind; None for kinds without a spec.

    Networks and other objects in it are built for each call, with the same weights each time.

    Args:
        kind: One of `attnforge.plugin.KINDS`.
        folder: Where a run folder is made for each tracker.
    """
    match kind:
        case "text-encoder":
            return TextSpec(vocabulary_size=VOCABULARY)
        case "image-encoder":
            return ImageSpec(dim=WORDS, image_size=IMAGE_SIZE)
        case "conditioner":
            return ConditionerSpec(sentence=WORDS)
        case "attention":
            return AttentionSpec(channels=4, words=WORDS)
        case "stage":
            return LATER_STAGE
        case "generator":
            return GeneratorSpec(words=WORDS)
        case "discriminator":
            return DiscriminatorSpec(image_size=IMAGE_SIZE, sentence=WORDS, condition=CONDITION)
        case "loss":
            return loss_spec()
        case "scorer":
            return _scorer_spec()
        case "sampler":
            generator = networks_for(loss_spec()).generator.eval()
            return SamplerSpec(generator=generator, scoring=_scorer_spec)
        case "dataset":
            return DataSpec(split="train", image_size=16)
        case "metric":
            return _metric_spec()
        case "tracker":
            run = tempfile.mkdtemp(prefix="run-", dir=folder)
            return TrackerSpec(run=run, recipe={"summary": "an example", "training": {"seed": 1}})
        case "task":
            return _task_spec()
    return None


def _scorer_spec() -> ScorerSpec:
    return ScorerSpec(words=WORDS, image=networks_for(loss_spec()).image_encoder)


def _example_data(split: str) -> ExampleDataset:
    return ExampleDataset(DataSpec(split=split, image_size=IMAGE_SIZE))


def _metric_spec() -> MetricSpec:
    data = _example_data("test")
    tokenizer = ExampleTokenizer()
    tokenizer.fit([caption for index in range(len(data)) for caption in data.captions(index)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        text = ExampleTextEncoder(TextSpec(vocabulary_size=tokenizer.vocabulary_size), dim=WORDS)
        return MetricSpec(
            encode=CaptionEncoder(text, tokenizer, torch.device("cpu")),
            image=ExampleImageEncoder(ImageSpec(dim=WORDS, image_size=IMAGE_SIZE)),
            tokenizer=tokenizer,
            data=data,
            features=Networks(Reference(_example_data, torch.device("cpu"), image_size=IMAGE_SIZE)),
        )


def _task_spec() -> TaskSpec:
    spec = loss_spec()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        text = ExampleTextEncoder(TextSpec(vocabulary_size=VOCABULARY), dim=WORDS)
    networks = networks_for(spec)
    return TaskSpec(
        text=text,
        image=networks.image_encoder,
        generator=networks.generator,
        discriminators=networks.discriminators,
        losses={"example": ExampleLoss(spec)},
    )
