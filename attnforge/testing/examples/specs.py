"""A small spec for each kind of component, and an adversarial step for losses."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnforge.data.encoding import CaptionEncoder
from attnforge.interfaces import AdversarialStep
from attnforge.specs import (
    AttentionSpec,
    ConditionerSpec,
    DataSpec,
    DiscriminatorSpec,
    GeneratorSpec,
    ImageSpec,
    LossSpec,
    MetricSpec,
    StageSpec,
    TaskSpec,
    TextSpec,
    TrackerSpec,
)
from attnforge.testing.examples.adversarial import ExampleLoss
from attnforge.testing.examples.generators import ExampleGenerator
from attnforge.testing.examples.images import ExampleDiscriminator, ExampleImageEncoder
from attnforge.testing.examples.texts import ExampleDataset, ExampleTextEncoder, ExampleTokenizer
from attnforge.testing.numbers import numbers
from attnforge.values import Batch, Progress, Prompt

WORDS = 6
"""Width of word and sentence vectors."""
IMAGE_SIZE = 32
VOCABULARY = 20
CONDITION = 3
"""Width of the condition that the generator draws."""
LATER_STAGE = StageSpec(channels=4, in_channels=4, in_size=8, out_size=16, condition=5, words=WORDS)
FIRST_STAGE = StageSpec(channels=4, in_channels=None, in_size=None, out_size=16, condition=5, words=WORDS)


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


def _metric_spec() -> MetricSpec:
    data = ExampleDataset(DataSpec(split="test", image_size=IMAGE_SIZE))
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
        )


def _task_spec() -> TaskSpec:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        generator = ExampleGenerator(GeneratorSpec(words=WORDS))
        return TaskSpec(
            text=ExampleTextEncoder(TextSpec(vocabulary_size=VOCABULARY), dim=WORDS),
            image=ExampleImageEncoder(ImageSpec(dim=WORDS, image_size=generator.image_sizes[-1])),
            generator=generator,
            discriminators=tuple(
                ExampleDiscriminator(DiscriminatorSpec(image_size=size, sentence=WORDS, condition=CONDITION))
                for size in generator.image_sizes
            ),
            losses={"example": ExampleLoss(loss_spec())},
        )


def loss_spec() -> LossSpec:
    """What a loss is told of the networks of `adversarial_step`."""
    return LossSpec(words=WORDS, vocabulary_size=VOCABULARY, image_sizes=(16, 32), condition=CONDITION)


def adversarial_step(
    *, batch: int = 4, seed: int = 0, identical: bool = False
) -> tuple[AdversarialStep, dict[str, nn.Module]]:
    """An adversarial step of small networks, with gradients, and its networks by name.

    Args:
        batch: How many images.
        seed: Seed of all random numbers.
        identical: Whether all captions are identical and all images of one class.

    Returns:
        The step, and the networks `generator`, `image encoder` and `discriminators`.
    """
    parts = _task_spec()
    assert isinstance(parts.generator, ExampleGenerator)  # noqa: S101  (made above)
    words = 5
    padding = torch.arange(words) >= (torch.arange(batch) % words + 1).flip(0)[:, None]
    lengths = (~padding).sum(dim=1)
    tokens = torch.randint(1, VOCABULARY, (batch, words), generator=torch.Generator().manual_seed(seed))
    prompt = Prompt(
        words=numbers(batch, WORDS, words, seed=seed).masked_fill(padding[:, None], 0),
        sentence=numbers(batch, WORDS, seed=seed + 1),
        padding=padding,
        tokens=tokens.masked_fill(padding, 0),
    )
    if identical:
        first = torch.zeros(batch, dtype=torch.long)
        prompt, lengths = prompt.mismatched(first, first), lengths[first]
    assert prompt.tokens is not None  # noqa: S101  (given above)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fake = parts.generator(numbers(batch, parts.generator.noise, seed=seed + 2), prompt)
    assert fake.condition is not None  # noqa: S101  (the example draws one)
    real = tuple(
        numbers(batch, 3, size, size, seed=seed + 3).clamp(-1, 1) for size in parts.generator.image_sizes
    )
    step = AdversarialStep(
        batch=Batch(
            image=real[-1],
            tokens=prompt.tokens,
            lengths=lengths,
            class_ids=torch.arange(batch) % (1 if identical else 3),
            captions=tuple("a caption" if identical else f"caption {index}" for index in range(batch)),
            keys=tuple(f"image {index}" for index in range(batch)),
        ),
        progress=Progress(step=0, steps=10, batch_size=batch, images=2 * batch),
        prompt=replace(prompt, condition=fake.condition.detached()),
        real=real,
        fake=fake,
        generator=parts.generator,
        discriminators=parts.discriminators,
        image_encoder=parts.image,
    )
    discriminators = nn.ModuleList(
        discriminator for discriminator in parts.discriminators if isinstance(discriminator, nn.Module)
    )
    assert isinstance(parts.image, nn.Module)  # noqa: S101  (made above)
    return step, {
        "generator": parts.generator,
        "image encoder": parts.image,
        "discriminators": discriminators,
    }
