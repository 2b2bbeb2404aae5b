"""StackGAN's networks with official weights, and the inputs that the official code had."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from attnforge_gan.conditioning import Augmentation
from attnforge_gan.discriminator import JointDiscriminator
from attnforge_stackgan.first import FirstStage
from attnforge_stackgan.official_names import kind_of, names_of
from attnforge_stackgan.second import SecondStage
from golden_vectors import weights
from torch import Tensor, nn

from attnforge.interfaces import (
    AdversarialStep,
    Batch,
    Condition,
    Discriminator,
    Generator,
    GeneratorOutput,
    Progress,
    Prompt,
)
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec

TEXT, CONDITION, NOISE = 48, 20, 12
CONDITIONER = partial(Augmentation, dim=CONDITION, gate="relu")


def official_names(network: str) -> dict[str, str]:
    """Our name of every tensor of an official network, by its official name and in the official order."""
    official = list(weights("stackgan", network))
    kind = kind_of(official)
    assert kind is not None
    ours = names_of(kind, official)
    assert ours.keys() == set(official)
    return {name: ours[name] for name in official}


Network = TypeVar("Network", bound=nn.Module)


def loaded(network: Network, official: str) -> Network:
    """The network, with its official weights."""
    names = official_names(official)
    network.load_state_dict({names[name]: value for name, value in weights("stackgan", official).items()})
    return network


def first_stage() -> FirstStage:
    stage = FirstStage(GeneratorSpec(words=TEXT), conditioner=CONDITIONER, channels=8, noise=NOISE)
    return loaded(stage, "stage1_generator")


def second_stage() -> SecondStage:
    """With the first stage in training mode while it is trained, as the official code has it."""
    first = partial(FirstStage, conditioner=CONDITIONER, channels=8, noise=NOISE)
    stage = SecondStage(
        GeneratorSpec(words=TEXT),
        conditioner=CONDITIONER,
        first=first,
        channels=8,
        residual_blocks=2,
        first_mode="training",
    )
    return loaded(stage, "stage2_generator")


def discriminator(stage: int) -> JointDiscriminator:
    network = JointDiscriminator(
        DiscriminatorSpec(image_size=64 if stage == 1 else 256, sentence=TEXT, condition=CONDITION),
        channels=4,
        unconditional=stage == 2,
        condition="mean",
        initial_weights="normal",
    )
    return loaded(network, f"stage{stage}_discriminator")


@contextmanager
def drawing(*pairs: tuple[Augmentation, Tensor]) -> Iterator[None]:
    """Conditioners that draw this noise inside the context."""
    for conditioner, noise in pairs:
        conditioner.draw = partial(_drawn, noise)  # type: ignore[method-assign]
    yield
    for conditioner, _ in pairs:
        del conditioner.draw


def _drawn(noise: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    return mean + (0.5 * logvar).exp() * noise


def prompt_of(sentence: Tensor, *, condition: Tensor | None = None) -> Prompt:
    """A prompt of sentences, without words, and perhaps the mean of a condition."""
    count, dim = sentence.shape
    mean = None if condition is None else Condition(condition, condition, torch.zeros_like(condition))
    padding = torch.zeros(count, 1, dtype=torch.bool)
    return Prompt(torch.zeros(count, dim, 1), sentence, padding, condition=mean)


def official_images(name: str, size: int) -> Tensor:
    """The named batch of three images in [-1, 1] that the official code had."""
    return uniform(f"{name}{size}", size)


def uniform(name: str, size: int) -> Tensor:
    values = np.random.RandomState(zlib.crc32(name.encode())).uniform(-1, 1, (3, 3, size, size))
    return torch.from_numpy(values.astype(np.float32))


def loss_spec(sizes: Sequence[int], *, unconditional: bool = True) -> LossSpec:
    return LossSpec(
        words=TEXT,
        vocabulary_size=9,
        image_sizes=tuple(sizes),
        condition=CONDITION,
        unconditional=unconditional,
        image_encoder=False,
    )


def adversarial_step(
    prompt: Prompt,
    *,
    real: Sequence[Tensor],
    fake: GeneratorOutput,
    generator: Generator,
    discriminators: Sequence[Discriminator],
) -> AdversarialStep:
    count = len(prompt.sentence)
    batch = Batch(
        image=real[-1],
        tokens=torch.ones(count, 1, dtype=torch.int64),
        lengths=torch.ones(count, dtype=torch.int64),
        class_ids=torch.arange(count),
        captions=("a bird",) * count,
        keys=tuple(map(str, range(count))),
    )
    return AdversarialStep(
        batch=batch,
        progress=Progress(step=1, steps=2, batch_size=count, images=count),
        prompt=prompt,
        real=tuple(real),
        fake=fake,
        generator=generator,
        discriminators=tuple(discriminators),
    )
