"""A small generator and its parts: conditioner, attention, stages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import (
    Attention,
    AttentionOutput,
    Build,
    Condition,
    Conditioner,
    GeneratorOutput,
    Stage,
    StageOutput,
    TextFeatures,
)
from attnforge.specs import AttentionSpec, ConditionerSpec, GeneratorSpec, StageSpec


class ExampleConditioner(nn.Module):
    """A sample from a Gaussian per sentence, from torch's global generator.

    Args:
        dim: Width of the condition.
    """

    def __init__(self, spec: ConditionerSpec, *, dim: Annotated[int, Field(ge=1)] = 3) -> None:
        super().__init__()
        self.dim = dim
        self.layer = nn.Linear(spec.sentence, 2 * dim)

    def forward(self, sentence: Float[Tensor, "b d"]) -> Condition:
        mean, logvar = self.layer(sentence).tanh().chunk(2, dim=1)
        # in float32, so that autocast draws the same numbers
        value = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, device=mean.device)
        return Condition(value=value, mean=mean, logvar=logvar)


class ExampleAttention(nn.Module):
    """Scaled dot products of pixels and projected words, a softmax over the real words of each caption."""

    def __init__(self, spec: AttentionSpec) -> None:
        super().__init__()
        self.project = nn.Conv1d(spec.words, spec.channels, kernel_size=1)

    def forward(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> AttentionOutput:
        words = self.project(text.words.masked_fill(text.padding[:, None], 0.0))
        scores = torch.einsum("bcl,bchw->blhw", words, features) / features.shape[1] ** 0.5
        weights = scores.masked_fill(text.padding[:, :, None, None], -torch.inf).softmax(dim=1)
        context = torch.einsum("bcl,blhw->bchw", words, weights.to(words.dtype))
        return AttentionOutput(context=context, weights=weights if return_weights else None)


class ExampleStage(nn.Module):
    """A first map from the condition, or its input map at twice the size, with attention if there is one.

    Args:
        attention: Adds word context to the input map of a later stage.
    """

    def __init__(self, spec: StageSpec, *, attention: Build[Attention] | None = None) -> None:
        super().__init__()
        self.side = spec.out_size
        self.first = spec.in_channels is None
        self.condition = nn.Linear(spec.condition, spec.channels * (16 if self.first else 1))
        self.attention: Attention | None = None
        if spec.in_channels is not None:
            self.mix = nn.Conv2d(spec.in_channels, spec.channels, kernel_size=3, padding=1)
            if attention is not None:
                self.attention = attention(AttentionSpec(channels=spec.in_channels, words=spec.words))

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        prompt: TextFeatures,
        *,
        return_attention: bool = False,
    ) -> StageOutput:
        shift = self.condition(condition)
        if hidden is None:
            first = F.interpolate(shift.reshape(len(shift), -1, 4, 4), size=(self.side, self.side))
            return StageOutput(hidden=first.tanh(), attention=None)
        weights = None
        if self.attention is not None:
            output = self.attention(hidden, prompt, return_weights=return_attention)
            hidden, weights = hidden + output.context, output.weights
        larger = F.interpolate(self.mix(hidden), size=(self.side, self.side))
        return StageOutput(hidden=(larger + shift[:, :, None, None]).tanh(), attention=weights)


class ExampleGenerator(nn.Module):
    """An image after each stage.

    Args:
        conditioner: Samples the condition from the sentence.
        stages: The stages in order.
        image_sizes: Side in pixels of each stage's image; by default 16, 32, 64, ...

    Raises:
        RecipeError: There are more or fewer sizes than stages.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        conditioner: Build[Conditioner] = ExampleConditioner,
        stages: Sequence[Build[Stage]] = (ExampleStage, partial(ExampleStage, attention=ExampleAttention)),
        image_sizes: tuple[Annotated[int, Field(ge=4)], ...] | None = None,
    ) -> None:
        super().__init__()
        self.noise = 3
        self.image_sizes = image_sizes or tuple(16 << index for index in range(len(stages)))
        if len(self.image_sizes) != len(stages):
            message = f"there are {len(self.image_sizes)} image sizes for {len(stages)} stages"
            raise RecipeError(Problem("image-size", message, expected="one size for each stage"))
        self.conditioner = conditioner(ConditionerSpec(sentence=spec.words))
        self.condition = self.conditioner.dim
        channels = 4
        self.stages = nn.ModuleList()
        for index, build in enumerate(stages):
            stage_spec = StageSpec(
                channels=channels,
                in_channels=channels if index else None,
                in_size=self.image_sizes[index - 1] if index else None,
                out_size=self.image_sizes[index],
                condition=self.conditioner.dim + self.noise,
                words=spec.words,
            )
            self.stages.append(cast("nn.Module", build(stage_spec)))
        self.heads = nn.ModuleList(nn.Conv2d(channels, 3, kernel_size=1) for _ in stages)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        condition = self.conditioner(prompt.sentence)
        joined = torch.cat((condition.value, noise), dim=1)
        hidden: Tensor | None = None
        images: list[Tensor] = []
        attention: list[Tensor] = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            output = stage(hidden, joined, prompt, return_attention=return_attention)
            hidden = output.hidden
            images.append(head(hidden).tanh())
            attention += [] if output.attention is None else [output.attention]
        return GeneratorOutput(images=tuple(images), attention=tuple(attention), condition=condition)
