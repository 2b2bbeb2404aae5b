"""Discriminators whose logits are known beforehand, and what the logits should cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log

import torch
from known_steps import step_of
from torch import Tensor

from attnforge.interfaces import (
    AdversarialStep,
    Condition,
    GeneratorOutput,
    ImageFeatures,
    Prompt,
    TextFeatures,
)


@dataclass
class Judge:
    """Its logit is the image's mean, times the first number of the sentence where there is one."""

    seen: list[Tensor] = field(default_factory=list)
    pairs: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    unconditional: bool = True

    def features(self, images: Tensor) -> Tensor:
        self.seen.append(images)
        return images.mean(dim=(1, 2, 3), keepdim=True)

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        logits = features.flatten()
        if prompt is None:
            assert self.unconditional
            return logits
        first = prompt.sentence[:, 0]
        self.pairs.append((logits, first))
        return logits * first


class NoEncoder:
    """Adversarial losses do not look at images with the image encoder."""

    def __call__(self, images: Tensor) -> ImageFeatures:
        raise AssertionError


def scene(
    real: list[float],
    fake: list[float],
    sentences: list[float],
    *,
    class_ids: list[int] | None = None,
    sizes: tuple[int, ...] = (8,),
    unconditional: bool = True,
) -> tuple[AdversarialStep, tuple[Judge, ...], tuple[Tensor, ...]]:
    """A step whose images are uniform: item i has the value `real[i]` or `fake[i]` everywhere."""
    judges = tuple(Judge(unconditional=unconditional) for _ in sizes)
    count = len(real)
    drawn = tuple(
        torch.tensor(fake)[:, None, None, None].expand(count, 3, size, size).clone().requires_grad_()
        for size in sizes
    )
    nothing = torch.zeros(count, 2)
    step = step_of(
        real=tuple(torch.tensor(real)[:, None, None, None].expand(count, 3, size, size) for size in sizes),
        fake=GeneratorOutput(drawn, (), Condition(nothing, nothing, nothing)),
        text=TextFeatures(
            words=torch.zeros(count, 2, 1),
            sentence=torch.tensor([[one, 0.0] for one in sentences]),
            padding=torch.zeros(count, 1, dtype=torch.bool),
        ),
        class_ids=torch.tensor(class_ids if class_ids is not None else list(range(count))),
        discriminators=judges,
        image_encoder=NoEncoder(),
    )
    return step, judges, drawn


def cross_entropy(logit: float, *, real: bool) -> float:
    return log(1 + torch.tensor(-logit if real else logit).exp().item())


def hinge(logit: float, *, real: bool) -> float:
    return max(0.0, 1 - logit if real else 1 + logit)
