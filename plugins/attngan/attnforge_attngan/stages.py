"""The stages of AttnGAN's generator: one that starts from noise and one that refines with words."""

from __future__ import annotations

import copy
from typing import Annotated, Protocol, cast, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Attention, Build, StageOutput, TextFeatures
from attnforge.specs import AttentionSpec, StageSpec

from .folded import FoldedLinear
from .layers import ResidualBlock, UpBlock

INITIAL_SIZE = 4
"""Side in pixels of the map that the first linear layer returns."""


def doublings(size: int) -> int:
    """How many doublings of the initial map reach `size` pixels.

    Raises:
        RecipeError: `size` is not 4, 8, 16, ...
    """
    count = (size // INITIAL_SIZE).bit_length() - 1
    if size < INITIAL_SIZE or INITIAL_SIZE << count != size:
        message = f"images of {size} x {size} pixels cannot be reached by doubling 4 x 4 pixels"
        raise RecipeError(Problem("image-size", message, expected="4, 8, 16, 32, 64, 128, 256, ..."))
    return count


class InitialStage(nn.Module):
    """F_0 of AttnGAN: condition and noise to the first hidden map.

    A linear layer returns a 4 x 4 map, batch-normalised and gated; every up-block doubles its side and
    halves its channels, down to `channels` at `out_size`.

    Raises:
        RecipeError: It is not the first stage, or the size is not 4 times a power of two.
    """

    def __init__(self, spec: StageSpec) -> None:
        super().__init__()
        if spec.in_channels is not None:
            message = "an `initial` stage follows another stage"
            raise RecipeError(
                Problem("stage-order", message, expected="a stage that refines, such as `refine`")
            )
        count = doublings(spec.out_size)
        self.width = spec.channels << count
        features = 2 * self.width * INITIAL_SIZE**2
        self.linear = nn.Linear(spec.condition, features, bias=False)
        self.normalisation = nn.BatchNorm1d(features)
        self.up = nn.Sequential(*(UpBlock(self.width >> i, self.width >> (i + 1)) for i in range(count)))

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        prompt: TextFeatures,
        *,
        return_attention: bool = False,
    ) -> StageOutput:
        gated = F.glu(self.normalisation(self.linear(condition)), dim=1)
        initial = gated.reshape(-1, self.width, INITIAL_SIZE, INITIAL_SIZE)
        return StageOutput(hidden=self.up(initial), attention=None)

    def folded(self) -> InitialStage:
        """The stage for sampling; see `attnforge.optional.Folds`."""
        stage = copy.copy(self)
        stage._modules = {
            "linear": FoldedLinear(self.linear, self.normalisation),
            "normalisation": nn.Identity(),
            "up": self.up,
        }
        return stage


@runtime_checkable
class JoiningAttention(Attention, Protocol):
    """An attention that can write its context directly behind the features, for less copying."""

    def join(
        self, features: Float[Tensor, "b c h w"], text: TextFeatures, *, return_weights: bool = False
    ) -> tuple[Float[Tensor, "b c+c h w"], Float[Tensor, "b l h w"] | None]:
        """Features and context concatenated as channels of one map, and the weights if requested."""
        ...


class RefineStage(nn.Module):
    """F_i of AttnGAN: a hidden map and its word context to a map of twice the side.

    The context is concatenated to the map's channels; residual blocks mix both; an up-block doubles the side.

    Args:
        attention: Brings the words into the map.
        residual_blocks: How many residual blocks; the paper's models have 2 on birds and 3 on COCO.
        noise: Add W z to every pixel of the input map, for the noise z that the first stage starts from: as
            concatenating z to the map and convolving 1 x 1, as BigGAN (Brock et al., 2019) and DF-GAN
            (Tao et al., 2022) feed z to each of their blocks. AttnGAN's stages have the first map alone.

    Raises:
        RecipeError: It is the first stage, or `noise` is true where the generator says no width of noise.
    """

    def __init__(
        self,
        spec: StageSpec,
        *,
        attention: Build[Attention],
        residual_blocks: Annotated[int, Field(ge=0, le=1_000)] = 2,
        noise: bool = False,
    ) -> None:
        super().__init__()
        if spec.in_channels is None:
            message = "the first stage is `refine`, which has no map to refine"
            raise RecipeError(
                Problem("stage-order", message, expected="a stage that starts from noise, such as `initial`")
            )
        if noise and not spec.noise:
            message = "a `refine` stage with noise follows a generator that passes it none"
            raise RecipeError(Problem("stage-noise", message, expected="`noise: false`"))
        width = 2 * spec.in_channels
        self.noise = nn.Linear(spec.noise, spec.in_channels, bias=False) if noise else None
        self.attention = attention(
            AttentionSpec(channels=spec.in_channels, words=spec.words, size=spec.in_size)
        )
        self.joins = isinstance(self.attention, JoiningAttention)
        self.residual = nn.Sequential(*(ResidualBlock(width) for _ in range(residual_blocks)))
        self.up = UpBlock(width, spec.channels)

    def forward(
        self,
        hidden: Float[Tensor, "b c h w"] | None,
        condition: Float[Tensor, "b z"],
        prompt: TextFeatures,
        *,
        return_attention: bool = False,
    ) -> StageOutput:
        assert hidden is not None, "the generator passes a hidden map to every stage but the first"  # noqa: S101
        if self.noise is not None:
            noise = condition[:, condition.shape[1] - self.noise.in_features :]
            hidden = hidden + self.noise(noise)[:, :, None, None]
        if self.joins:
            attention = cast(JoiningAttention, self.attention)
            joined, weights = attention.join(hidden, prompt, return_weights=return_attention)
        else:
            output = self.attention(hidden, prompt, return_weights=return_attention)
            joined, weights = torch.cat((hidden, output.context), dim=1), output.weights
        return StageOutput(hidden=self.up(self.residual(joined)), attention=weights)
