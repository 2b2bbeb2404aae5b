"""StackGAN-v2's later stages: the condition at every pixel of a map, and a map of twice the side."""

from __future__ import annotations

from typing import Annotated, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt, StageOutput
from attnforge.specs import StageSpec

from .blocks import convolution3


class TreeStage(nn.Module):
    """Concatenates the condition to a map at every pixel, mixes both, and doubles the side of the map.

    A branch of StackGAN-v2 (Zhang et al., 2018) behind the first; `multi-stage` puts the noise behind the
    condition and returns an image after every stage. Without a condition, as with the conditioner `none`,
    the noise takes its place, as in the unconditional models. Words are not used.

    Args:
        residual_blocks: How many residual blocks.

    Raises:
        RecipeError: It is the first stage.
    """

    def __init__(
        self, spec: StageSpec, *, residual_blocks: Annotated[int, Field(ge=0, le=1_000)] = 2
    ) -> None:
        super().__init__()
        if spec.in_channels is None:
            message = "the first stage is `stackgan-v2`, which has no map to enlarge"
            expected = "a stage that starts from noise, such as `initial`"
            raise RecipeError(Problem("stage-order", message, expected=expected))
        sampled = spec.condition - spec.noise
        self.code = slice(0, sampled) if sampled else slice(0, spec.condition)
        width = spec.in_channels
        self.joint = GatedBlock(width + (sampled or spec.noise), width)
        self.residual = nn.Sequential(*(GatedResidualBlock(width) for _ in range(residual_blocks)))
        self.up = GatedBlock(width, spec.channels)

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        prompt: Prompt,
        *,
        return_attention: bool = False,
    ) -> StageOutput:
        assert hidden is not None, "the generator passes a hidden map to every stage but the first"  # noqa: S101
        code = condition[:, self.code, None, None].expand(-1, -1, *hidden.shape[2:])
        mixed = self.residual(self.joint(torch.cat((code, hidden), dim=1)))
        larger = F.interpolate(mixed, scale_factor=2.0, mode="nearest")
        return StageOutput(hidden=self.up(larger), attention=None)


class GatedBlock(nn.Module):
    """A convolution to twice the channels, batch normalisation, and a gated linear unit that halves them."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convolution = convolution3(in_channels, 2 * out_channels)
        self.normalisation = nn.BatchNorm2d(2 * out_channels)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ h w"]:
        return F.glu(self.normalisation(self.convolution(features)), dim=1)


class GatedResidualBlock(nn.Module):
    """Adds the residual of a gated block and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = GatedBlock(channels, channels)
        self.second = convolution3(channels, channels)
        self.normalisation = nn.BatchNorm2d(channels)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return features + cast(Tensor, self.normalisation(self.second(self.first(features))))
