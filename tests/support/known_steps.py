"""Adversarial steps of given tensors, for tests of losses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from attnforge.interfaces import AdversarialStep, Batch, Generator, GeneratorOutput, Progress, TextFeatures
from attnforge.specs import LossSpec
from attnforge.values import Prompt

SPEC = LossSpec(words=8, vocabulary_size=20, image_sizes=(16, 32), condition=4)
"""A loss spec for networks of any width: most losses ignore it."""


def step_of(
    *,
    real: Sequence[Tensor],
    fake: GeneratorOutput,
    text: TextFeatures,
    class_ids: Tensor,
    discriminators: Sequence[Any],
    image_encoder: Any = None,
    generator: Generator | None = None,
    progress: Progress | None = None,
) -> AdversarialStep:
    """What a loss sees of these tensors; the batch has the largest real images, and no captions."""
    images = real[-1] if real else torch.zeros(len(class_ids), 3, 1, 1)
    condition = None if fake.condition is None else fake.condition.detached()
    return AdversarialStep(
        batch=Batch(
            image=images,
            tokens=torch.zeros(len(class_ids), text.padding.shape[1], dtype=torch.long),
            lengths=text.lengths,
            class_ids=class_ids,
            captions=("",) * len(class_ids),
            keys=tuple(map(str, range(len(class_ids)))),
        ),
        progress=progress or Progress(step=0, steps=10, batch_size=len(class_ids), images=20),
        prompt=Prompt.of(text, condition=condition),
        real=tuple(real),
        fake=fake,
        generator=cast("Generator", generator),
        discriminators=tuple(discriminators),
        image_encoder=image_encoder,
    )


def prompt_of(sentence: Tensor) -> Prompt:
    """A prompt of sentences whose captions have one word of zeros each."""
    count, width = sentence.shape
    words = torch.zeros(count, width, 1, dtype=sentence.dtype)
    return Prompt(words, sentence, torch.zeros(count, 1, dtype=torch.bool))
