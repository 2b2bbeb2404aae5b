"""Adversarial steps of small networks, as a loss sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, Build, Stage
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, ImageSpec, LossSpec
from attnforge.testing.examples.generators import (
    ExampleAttention,
    ExampleConditioner,
    ExampleGenerator,
    ExampleStage,
)
from attnforge.testing.examples.images import ExampleDiscriminator, ExampleImageEncoder
from attnforge.testing.numbers import numbers
from attnforge.values import Batch, Progress, Prompt

WORDS = 6
"""Width of word and sentence vectors."""
IMAGE_SIZE = 32
VOCABULARY = 20
CONDITION = 3
"""Width of the condition that the generator samples."""
STEPS = 100
"""Steps of the phase that an adversarial step belongs to."""


def loss_spec() -> LossSpec:
    """A small spec for a loss."""
    return LossSpec(
        words=WORDS,
        vocabulary_size=VOCABULARY,
        image_sizes=(IMAGE_SIZE // 2, IMAGE_SIZE),
        condition=CONDITION,
    )


@dataclass(frozen=True, kw_only=True)
class StepNetworks:
    """The networks of an adversarial step."""

    generator: ExampleGenerator
    discriminators: tuple[ExampleDiscriminator, ...]
    image_encoder: ExampleImageEncoder | None

    def by_name(self) -> dict[str, nn.Module]:
        """The networks by the names that messages call them."""
        image = {} if self.image_encoder is None else {"image encoder": self.image_encoder}
        return {"generator": self.generator, **image, "discriminators": nn.ModuleList(self.discriminators)}


def networks_for(spec: LossSpec, *, patches: bool = False) -> StepNetworks:
    """The networks that a loss with this spec trains, with the same weights each time.

    Args:
        spec: The spec of the loss.
        patches: Whether discriminators return a logit for each patch.
    """
    later = partial(ExampleStage, attention=ExampleAttention)
    stages: Sequence[Build[Stage]] = (ExampleStage, *(later for _ in spec.image_sizes[1:]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return StepNetworks(
            generator=ExampleGenerator(
                GeneratorSpec(words=spec.words, extras=spec.extras),
                conditioner=partial(ExampleConditioner, dim=spec.condition or CONDITION),
                stages=stages,
                image_sizes=spec.image_sizes,
            ),
            discriminators=tuple(
                ExampleDiscriminator(
                    DiscriminatorSpec(
                        image_size=size, sentence=spec.words, condition=spec.condition, extras=spec.extras
                    ),
                    unconditional=spec.unconditional,
                    patches=patches,
                )
                for size in spec.image_sizes
            ),
            image_encoder=ExampleImageEncoder(ImageSpec(dim=spec.words, image_size=spec.image_sizes[-1]))
            if spec.image_encoder
            else None,
        )


def adversarial_step(
    spec: LossSpec | None = None,
    *,
    batch: int = 4,
    seed: int = 0,
    number: int = 0,
    identical: bool = False,
    patches: bool = False,
) -> tuple[AdversarialStep, dict[str, nn.Module]]:
    """An adversarial step of small networks, with gradients, and its networks by name.

    Args:
        spec: The spec of the loss, which the networks and the prompt match; by default a small one.
        batch: How many images.
        seed: Seed of all random numbers.
        number: Steps completed before this one, of `STEPS`.
        identical: Whether all captions are identical and all images of one class.
        patches: Whether discriminators return a logit for each patch.

    Returns:
        The step, and the networks `generator`, `image encoder` if there is one, and `discriminators`.
    """
    spec = spec or loss_spec()
    networks = networks_for(spec, patches=patches)
    prompt = _prompt(spec, batch=batch, seed=seed)
    if identical:
        first = torch.zeros(batch, dtype=torch.long)
        prompt = prompt.mismatched(first, first)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fake = networks.generator(numbers(batch, networks.generator.noise, seed=seed + 2), prompt)
    if spec.condition is None:
        fake = replace(fake, condition=None)
    real = tuple(numbers(batch, 3, size, size, seed=seed + 3).clamp(-1, 1) for size in spec.image_sizes)
    step = AdversarialStep(
        batch=Batch(
            image=real[-1],
            tokens=cast("Tensor", prompt.tokens),
            lengths=prompt.lengths,
            class_ids=torch.arange(batch) % (1 if identical else 3),
            captions=tuple("a caption" if identical else f"caption {index}" for index in range(batch)),
            keys=tuple(f"image {index}" for index in range(batch)),
            extras=prompt.extras,
        ),
        progress=Progress(step=number, steps=STEPS, batch_size=batch, images=2 * batch),
        prompt=replace(prompt, condition=fake.condition and fake.condition.detached()),
        real=real,
        fake=fake,
        generator=networks.generator,
        discriminators=networks.discriminators,
        image_encoder=networks.image_encoder,
    )
    return step, networks.by_name()


def _prompt(spec: LossSpec, *, batch: int, seed: int) -> Prompt:
    """Captions of one to five words, the longest first."""
    words = 5
    padding = torch.arange(words) >= (torch.arange(batch) % words + 1).flip(0)[:, None]
    tokens = torch.randint(
        1, spec.vocabulary_size, (batch, words), generator=torch.Generator().manual_seed(seed)
    )
    return Prompt(
        words=numbers(batch, spec.words, words, seed=seed).masked_fill(padding[:, None], 0),
        sentence=numbers(batch, spec.words, seed=seed + 1),
        padding=padding,
        extras={name: numbers(batch, *shape, seed=seed + 4).sigmoid() for name, shape in spec.extras.items()},
        tokens=tokens.masked_fill(padding, 0),
    )
