"""AttnGAN's generator: a condition, a chain of stages, an image after each."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise
from attnforge.adversarial.normalisation import GeneratorNorm, synchronise
from attnforge.adversarial.same_side import mirrored
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Build, Conditioner, GeneratorOutput, Stage, TextFeatures
from attnforge.ranges import Width
from attnforge.specs import ConditionerSpec, GeneratorSpec, StageSpec

from .layers import ImageHead

SMALLEST = 1e-8
"""Added to the mean square of the noise of which the root is taken."""


class MultiStageGenerator(nn.Module):
    """Generates images from coarse to fine, each stage with twice the side of the one before.

    h_0 = F_0(z, F^ca(sentence)), h_i = F_i(h_{i-1}, F^attn(words, h_{i-1})), image_i = G_i(h_i):
    AttnGAN (Xu et al., 2018), Eq. 1. With 32 channels, base size 64 and three stages it is the paper's
    model for birds: 7,084,592 parameters.

    Args:
        conditioner: Computes the condition from the sentence.
        stages: Any number of stages in order; the first one starts from noise.
        channels: Channels of the hidden map after every stage, or a list with those after each.
        base_size: Side in pixels of the first image: 4, 8, 16, ...
        noise: Width of the noise vector.
        images: Which stages generate an image; `last-stage` is AttnDCGAN of the official code.
        norm: `batch` normalises over the batch of one process; `synchronised` over those of all
            processes, as AttnGAN++ does (Dinh et al., 2021); both are the same with one process.
        binary_noise: How many numbers of the noise, the first ones, are reduced to their sign. Birds that
            face left and right have nothing between them, and a generator of Gaussian noise alone must
            generate something there (Khayatkhoei et al., 2018).
        normalise_noise: Divide the noise, without those signs, by the root of its mean square, as ProGAN does
            (Karras et al., 2018). Trained generators were seen to give longer noise sharper images. The
            `scale` of a sampler then has no effect.
        mirror: When sampling, mirror the images where the first number of the noise is negative; stages get
            the others. In training mode no image is mirrored, and the task shows discriminators real images
            of one side: the generator need not learn that birds face left and right, and none faces both
            ways. For data of which mirrored images are as likely, and captions that name no side.

    Raises:
        RecipeError: There are no stages, their order is invalid, they are not as many as the channels, the
            noise has fewer numbers than `binary_noise` and `mirror` need, or data with extras are mirrored.
    """

    def __init__(
        self,
        spec: GeneratorSpec,
        *,
        conditioner: Build[Conditioner],
        stages: Sequence[Build[Stage]],
        channels: Width | tuple[Width, ...] = 32,
        base_size: Annotated[int, Field(ge=4, le=16_384)] = 64,
        noise: Width = 100,
        images: Literal["every-stage", "last-stage"] = "every-stage",
        norm: GeneratorNorm = "batch",
        binary_noise: Annotated[int, Field(ge=0)] = 0,
        normalise_noise: bool = False,
        mirror: bool = False,
    ) -> None:
        super().__init__()
        if not stages:
            message = "a `multi-stage` generator has no stages"
            raise RecipeError(Problem("no-stages", message, expected="stages: [initial, ...]"))
        widths = (channels,) * len(stages) if isinstance(channels, int) else tuple(channels)
        if len(widths) != len(stages):
            message = f"`channels` has {len(widths)} numbers for {len(stages)} stages"
            expected = "one number for all stages, or one for each"
            raise RecipeError(Problem("stage-channels", message, expected=expected))
        seen = noise - mirror
        if binary_noise > seen:
            message = f"`binary_noise` is {binary_noise}, and the noise of the stages has {seen} numbers"
            raise RecipeError(Problem("binary-noise", message, expected=f"at most {seen}"))
        if mirror and spec.extras:
            message = (
                f"`mirror` mirrors images alone, and the data has extras, {', '.join(spec.extras)}, as well"
            )
            expected = "data without extras, or no `mirror`"
            raise RecipeError(Problem("moving-images", message, expected=expected))
        self.noise = noise
        self.binary_noise = binary_noise
        self.normalise_noise = normalise_noise
        self.mirror = mirror
        sizes = tuple(base_size << i for i in range(len(stages)))
        self.image_sizes = sizes if images == "every-stage" else sizes[-1:]
        self.conditioner = conditioner(ConditionerSpec(sentence=spec.words))
        self.condition = self.conditioner.dim
        self.stages = nn.ModuleList()
        for index, build in enumerate(stages):
            stage_spec = StageSpec(
                channels=widths[index],
                in_channels=widths[index - 1] if index else None,
                in_size=sizes[index - 1] if index else None,
                out_size=sizes[index],
                condition=self.condition + seen,
                words=spec.words,
                noise=seen,
            )
            self.stages.append(_module(build(stage_spec)))
        self.heads = nn.ModuleList(map(ImageHead, widths[-len(self.image_sizes) :]))
        initialise(self)
        if norm == "synchronised":
            synchronise(self)

    def forward(
        self, noise: Float[Tensor, "b n"], prompt: TextFeatures, *, return_attention: bool = False
    ) -> GeneratorOutput:
        condition = self.conditioner(prompt.sentence)
        side = noise[:, 0] if self.mirror and not self.training else None
        noise = noise[:, 1:] if self.mirror else noise
        latent = torch.cat((condition.value, *self._shaped(noise)), dim=1)
        hidden: Tensor | None = None
        maps: list[Tensor] = []
        attention: list[Tensor] = []
        for stage in self.stages:
            output = stage(hidden, latent, prompt, return_attention=return_attention)
            hidden = output.hidden
            maps.append(output.hidden)
            if output.attention is not None:
                attention.append(output.attention)
        head_inputs = maps[-len(self.heads) :]
        images = tuple(head(features) for head, features in zip(self.heads, head_inputs, strict=True))
        if side is not None:
            images = tuple(mirrored(image, side < 0) for image in images)
            attention = [mirrored(weights, side < 0) for weights in attention]
        return GeneratorOutput(images=images, attention=tuple(attention), condition=condition)

    def _shaped(self, noise: Float[Tensor, "b n"]) -> list[Float[Tensor, "b _"]]:
        """The parts of the noise as stages get it: signs, and what is normalised or not."""
        signs, rest = noise[:, : self.binary_noise], noise[:, self.binary_noise :]
        if self.normalise_noise and rest.shape[1]:
            rest = rest * (rest.square().mean(dim=1, keepdim=True) + SMALLEST).rsqrt()
        return [signs.sign(), rest] if self.binary_noise else [rest]

    def folded(self) -> MultiStageGenerator:
        """The generator for sampling, with the last image alone; see `attnforge.optional.Folds`."""
        last = copy.copy(self)
        last._modules = {**self._modules, "heads": self.heads[-1:]}
        last.image_sizes = self.image_sizes[-1:]
        return last


def _module(stage: Stage) -> nn.Module:
    """The stage as a module, so that its weights belong to the generator."""
    if isinstance(stage, nn.Module):
        return stage
    message = (
        f"the stage {type(stage).__name__} is not a torch.nn.Module, so its weights would not be trained"
    )
    raise RecipeError(Problem("not-a-module", message, expected="a class that extends torch.nn.Module"))
