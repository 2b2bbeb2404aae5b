"""A sampler that generates several images for each and keeps the one that a scorer prefers."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from attnforge.interfaces import Build, GeneratorOutput, Prompt, Sampler, Scorer
from attnforge.sampling.noise import NoiseSampler
from attnforge.specs import SamplerSpec
from attnforge.values import Condition


class BestOf:
    """Generates `images` candidates and returns the one with the highest score, as DALL-E does with CLIP.

    A score that was used to choose is no longer a fair measure of the images: measure them with another.

    Args:
        scorer: Scores each candidate.
        images: Number of candidates.
        sampler: Generates each candidate.
    """

    def __init__(
        self,
        spec: SamplerSpec,
        *,
        scorer: Build[Scorer],
        images: Annotated[int, Field(ge=1, le=10_000)] = 8,
        sampler: Build[Sampler] = NoiseSampler,
    ) -> None:
        self.scorer: Scorer = scorer(spec.scoring())
        self.sampler: Sampler = sampler(spec)
        self.images = images

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        """The best candidate for each row of the prompt; of equal ones, the first."""
        best = self.sampler(prompt, return_attention=return_attention)
        highest = self.scorer(best.images[-1], prompt)
        for _ in range(self.images - 1):
            other = self.sampler(prompt, return_attention=return_attention)
            scores = self.scorer(other.images[-1], prompt)
            best = _chosen(scores > highest, other, best)
            highest = torch.maximum(scores, highest)
        return best


def _chosen(first: Tensor, output: GeneratorOutput, other: GeneratorOutput) -> GeneratorOutput:
    """Row by row, the first output where `first` is true, else the other."""

    def rows(left: Tensor, right: Tensor) -> Tensor:
        return torch.where(first.reshape(-1, *[1] * (left.dim() - 1)), left, right)

    condition = None
    if output.condition is not None and other.condition is not None:
        condition = Condition(
            value=rows(output.condition.value, other.condition.value),
            mean=rows(output.condition.mean, other.condition.mean),
            logvar=rows(output.condition.logvar, other.condition.logvar),
        )
    return GeneratorOutput(
        images=tuple(map(rows, output.images, other.images)),
        attention=tuple(map(rows, output.attention, other.attention)),
        condition=condition,
        steps={number: rows(images, other.steps[number]) for number, images in output.steps.items()},
        extras={name: rows(value, other.extras[name]) for name, value in output.extras.items()},
    )
