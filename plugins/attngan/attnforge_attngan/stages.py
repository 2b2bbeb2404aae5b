"""The stages of AttnGAN's generator: one that begins from noise and one that refines with words."""

from __future__ import annotations

from typing import Annotated, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Attention, Build, StageOutput, TextFeatures
from attnforge.specs import AttentionSpec, StageSpec

from .layers import ResidualBlock, UpBlock

SMALLEST = 4
"""Side in pixels of the map that the first linear layer gives."""


def doublings(size: int) -> int:
    """How often the smallest map is doubled to reach `size` pixels.

    Raises:
        RecipeError: `size` is not 4, 8, 16, ...
    """
    count = (size // SMALLEST).bit_length() - 1
    if size < SMALLEST or SMALLEST << count != size:
        message = f"images of {size} x {size} pixels cannot be reached by doubling 4 x 4 pixels"
        raise RecipeError(Problem("image-size", message, expected="4, 8, 16, 32, 64, 128, 256, ..."))
    return count


class InitialStage(nn.Module):
    """F_0 of AttnGAN: condition and noise to the first hidden map.

    A linear layer gives a 4 x 4 map, batch-normalised and gated; every up-block doubles its side and
    halves its channels until `channels` are left at `out_size`.

    Raises:
        RecipeError: It is not the first stage, or the size is not 4 times a power of two.
    """

    def __init__(self, spec: StageSpec) -> None:
        super().__init__()
        if spec.in_channels is not None:
            message = "an `initial` stage stands behind another stage"
            raise RecipeError(
                Problem("stage-order", message, expected="a stage that refines, such as `refine`")
            )
        count = doublings(spec.out_size)
        self.width = spec.channels << count
        smallest = 2 * self.width * SMALLEST**2
        self.linear = nn.Linear(spec.condition, smallest, bias=False)
        self.normalisation = nn.BatchNorm1d(smallest)
        self.up = nn.Sequential(*(UpBlock(self.width >> i, self.width >> (i + 1)) for i in range(count)))

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        text: TextFeatures,
        *,
        return_attention: bool = False,
    ) -> StageOutput:
        gated = F.glu(self.normalisation(self.linear(condition)), dim=1)
        smallest = gated.reshape(-1, self.width, SMALLEST, SMALLEST)
        return StageOutput(hidden=self.up(smallest), attention=None)


@runtime_checkable
class JoiningAttention(Attention, Protocol):
    """An attention that can write its context straight behind the features: `refine` asks those that can."""

    def join(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> tuple[Float[Tensor, "b c+c h w"], Float[Tensor, "b l h w"] | None]:
        """Features and context as channels of one map, and the weights if asked for."""
        ...


class RefineStage(nn.Module):
    """F_i of AttnGAN: a hidden map and its word context to a map of twice the side.

    The context joins the map as further channels; residual blocks mix both; an up-block doubles.

    Args:
        attention: Brings the words into the map.
        residual_blocks: How many residual blocks; the paper's models have 2 on birds and 3 on COCO.

    Raises:
        RecipeError: It is the first stage.
    """

    def __init__(
        self,
        spec: StageSpec,
        *,
        attention: Build[Attention],
        residual_blocks: Annotated[int, Field(ge=0, le=1_000)] = 2,
    ) -> None:
        super().__init__()
        if spec.in_channels is None:
            message = "the first stage is `refine`, which has nothing to refine there"
            raise RecipeError(
                Problem("stage-order", message, expected="a stage that begins, such as `initial`")
            )
        width = 2 * spec.in_channels
        self.attention = attention(AttentionSpec(channels=spec.in_channels, words=spec.words))
        self.joins = isinstance(self.attention, JoiningAttention)
        self.residual = nn.Sequential(*(ResidualBlock(width) for _ in range(residual_blocks)))
        self.up = UpBlock(width, spec.channels)

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        text: TextFeatures,
        *,
        return_attention: bool = False,
    ) -> StageOutput:
        assert hidden is not None, "the generator gives every stage but the first a hidden map"  # noqa: S101
        if self.joins:
            attention = cast(JoiningAttention, self.attention)
            joined, weights = attention.join(hidden, text, return_weights=return_attention)
        else:
            asked = self.attention(hidden, text, return_weights=return_attention)
            joined, weights = torch.cat((hidden, asked.context), dim=1), asked.weights
        return StageOutput(hidden=self.up(self.residual(joined)), attention=weights)
