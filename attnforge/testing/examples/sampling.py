"""A small sampler and a small scorer."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.interfaces import Build, GeneratorOutput, Prompt, Scorer
from attnforge.specs import SamplerSpec, ScorerSpec


class ExampleScorer:
    """How near the mean colour of an image is to the first values of its sentence."""

    def __init__(self, spec: ScorerSpec) -> None:
        self.channels = min(3, spec.words)

    def __call__(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt, /) -> Float[Tensor, "b"]:
        colours = images.mean(dim=(2, 3))[:, : self.channels]
        return -(colours - prompt.sentence[:, : self.channels].tanh()).square().sum(dim=1)


class ExampleSampler:
    """Gaussian noise of another width, and a score that does not change the images.

    Args:
        scale: Factor of the noise.
        scorer: Scores the images, if there is one.
    """

    def __init__(
        self,
        spec: SamplerSpec,
        *,
        scale: Annotated[float, Field(gt=0)] = 0.7,
        scorer: Build[Scorer] | None = None,
    ) -> None:
        self.generator = spec.generator
        self.scale = scale
        self.scorer = None if scorer is None else scorer(spec.scoring())

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        noise = self.scale * torch.randn(len(prompt.sentence), self.generator.noise)
        return self.generator(noise, prompt, return_attention=return_attention)
