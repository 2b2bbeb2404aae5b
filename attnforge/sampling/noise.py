"""The ordinary sampler: one image for each noise vector."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.interfaces import GeneratorOutput, Prompt
from attnforge.specs import SamplerSpec


class NoiseSampler:
    """Generates from Gaussian noise, by default as the generator was trained with.

    With `truncation`, values come from a normal distribution cut off at so many standard deviations: fewer
    failures and less variety (Brock et al., 2019). DF-GAN samples with `truncation: 2, scale: 0.88`.

    Args:
        truncation: Largest absolute value of the noise before scaling; by default there is no limit.
        scale: Factor of the noise.
    """

    def __init__(
        self,
        spec: SamplerSpec,
        *,
        truncation: Annotated[float, Field(gt=0, le=100)] | None = None,
        scale: Annotated[float, Field(ge=0, le=100)] = 1.0,
    ) -> None:
        self.generator = spec.generator
        self.truncation = truncation
        self.scale = scale

    def __call__(self, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        """One image for each row of the prompt, with noise from torch's generator for the CPU."""
        noise = self.scale * self.noise(len(prompt.sentence))
        return self.generator(noise.to(prompt.sentence.device), prompt, return_attention=return_attention)

    def noise(self, images: int) -> Float[Tensor, "b n"]:
        """Noise vectors before scaling, on the CPU, so that they are the same on every device."""
        shape = (images, self.generator.noise)
        if self.truncation is None:
            return torch.randn(shape, device="cpu")
        # the inverse of the distribution function: rejecting values would take an unknown number of draws
        edge = math.erf(self.truncation / math.sqrt(2))
        uniform = torch.rand(shape, device="cpu") * 2 - 1
        values = math.sqrt(2) * torch.erfinv(uniform.double() * edge)
        return values.clamp(-self.truncation, self.truncation).float()
