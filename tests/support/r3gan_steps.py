"""Adversarial steps of small networks, for tests of R3GAN's losses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from attnforge.interfaces import AdversarialStep, Batch, Discriminator, GeneratorOutput, Progress, Prompt
from attnforge.specs import LossSpec


class OneWay(nn.Module):
    """An unconditional discriminator as one that takes prompts and disregards them."""

    unconditional = False

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.network.features(images)
        return features

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        assert prompt is not None
        logits: Tensor = self.network.logits(features, None)
        return logits


class Linear(nn.Module):
    """Its logit is the scalar product of the image with a map, plus the mean of its sentence where given."""

    unconditional = True

    def __init__(self, *shape: int, patches: int = 1) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.randn(patches, *shape))

    def features(self, images: Tensor) -> Tensor:
        return torch.einsum("bchw,pchw->bp", images, self.map)[:, :, None, None]

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        logits = features.flatten(1)
        logits = logits if prompt is None else 2 * logits + prompt.sentence.mean(dim=1, keepdim=True)
        return logits if len(self.map) > 1 else logits.flatten()


def spec(*image_sizes: int, unconditional: bool = True) -> LossSpec:
    """What a loss trains."""
    return LossSpec(words=5, vocabulary_size=9, image_sizes=image_sizes, unconditional=unconditional)


def step(
    *,
    real: tuple[Tensor, ...],
    fake: tuple[Tensor, ...],
    discriminators: tuple[Discriminator, ...],
    prompt: Prompt,
    number: int = 0,
    class_ids: Tensor | None = None,
) -> AdversarialStep:
    """One step of these images and discriminators.

    Args:
        real: Real images, one batch for each size.
        fake: Generated images.
        discriminators: One for each size.
        prompt: What the images show.
        number: How many steps precede it.
        class_ids: Classes of the images; without them, all differ.
    """
    count = len(real[0])
    batch = Batch(
        image=real[-1],
        tokens=torch.ones(count, 1, dtype=torch.long),
        lengths=torch.ones(count, dtype=torch.long),
        class_ids=torch.arange(count) if class_ids is None else class_ids,
        captions=("a bird",) * count,
        keys=tuple(map(str, range(count))),
    )
    return AdversarialStep(
        batch=batch,
        progress=Progress(step=number, steps=100, batch_size=count, images=count),
        prompt=prompt,
        real=real,
        fake=GeneratorOutput(images=fake, attention=()),
        generator=_NoGenerator(),
        discriminators=discriminators,
    )


class _NoGenerator:
    """R3GAN's losses do not generate images."""

    noise = 1
    image_sizes = (4,)

    def __call__(
        self, noise: Tensor, prompt: Prompt, /, *, return_attention: bool = False
    ) -> GeneratorOutput:
        raise AssertionError
