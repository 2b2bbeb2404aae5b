"""AttnGAN's discriminator: is an image real, and does it match its sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.initialisation import InitialWeights, initialise
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec
from attnforge_gan.head import FEATURE_SIZE, Head
from attnforge_gan.spectral import add_spectral_norm

MAX_DOUBLINGS = 3
"""The features have at most 2**MAX_DOUBLINGS times `channels`."""


class TrunkDiscriminator(nn.Module, ABC):
    """Base of this package's discriminators: a trunk to 4 x 4 features, which `logits` classifies.

    Features: b c 4 4. Logits: b, before any sigmoid.

    Args:
        spec: The image size.
        widths: Channels after each convolution of the trunk.
        spectral: Convolutions with a bias and without batch normalisation, for spectral normalisation.
    """

    unconditional: bool
    sees_images_alone: bool
    """Not with batch normalisation."""

    def __init__(self, spec: DiscriminatorSpec, widths: Sequence[int], *, spectral: bool) -> None:
        super().__init__()
        self.sees_images_alone = spectral
        self.trunk = trunk(spec.image_size, widths, spectral=spectral)

    def forward(self, images: Float[Tensor, "b 3 h w"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        return self.logits(self.features(images), prompt)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c 4 4"]:
        """The features of images, shared by all logits."""
        features: Tensor = self.trunk(images)
        return features

    @abstractmethod
    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is; with a prompt, how real as an image of it."""


class JointDiscriminator(TrunkDiscriminator):
    """Classifies an image alone and together with a sentence.

    Strided convolutions halve the image until 4 x 4 pixels are left, doubling the channels each time;
    beyond 8 times `channels`, plain convolutions reduce them to 8 times. One head classifies these features,
    the other the features concatenated with the sentence at every pixel. Features: b c 4 4. Logits: b,
    before any sigmoid. D_i of AttnGAN (Xu et al., 2018), Eq. 5; with `norm: spectral` that of AttnGAN++
    (Dinh et al., 2021).

    Args:
        channels: Channels after the first convolution.
        norm: `batch` is batch normalisation; `spectral`, spectral normalisation of every convolution.
        unconditional: Whether there is a head without the sentence.
        max_channels: Upper bound of the channels of any map.
        condition: What stands for the caption: the `sentence`, or the `mean` of the Gaussian that the
            generator samples its condition from, as in StackGAN (Zhang et al., 2017).
        initial_weights: `orthogonal` matrices as in AttnGAN, or `normal`, N(0, 0.02), as in StackGAN.
        conditional: Whether there is a head with the sentence; without it, a loss must classify images alone,
            as `stackgan-v2` with `captions: false` does.

    Raises:
        RecipeError: The image size is not 16, 32, 64, ..., or the generator samples no condition, or there is
            no head.
    """

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        channels: Width = 64,
        norm: Literal["batch", "spectral"] = "batch",
        unconditional: bool = True,
        max_channels: Width | None = None,
        condition: Literal["sentence", "mean"] = "sentence",
        initial_weights: InitialWeights = "orthogonal",
        conditional: bool = True,
    ) -> None:
        if not (conditional or unconditional):
            message = "a discriminator `joint` without heads classifies nothing"
            raise RecipeError(Problem("no-conditional-head", message, expected="`unconditional: true`"))
        spectral = norm == "spectral"
        widths = trunk_widths(spec.image_size, channels=channels, max_channels=max_channels)
        super().__init__(spec, widths, spectral=spectral)
        self.unconditional = unconditional
        self.condition: Literal["sentence", "mean"] = condition
        width = widths[-1]
        self.joint = None
        self.conditional_head = None
        if conditional:
            joint_width = width + _caption_width(spec, condition)
            self.joint = Block(joint_width, width, halves=False, plain=False, bias=spectral)
            self.conditional_head = Head(width, 1)
        self.unconditional_head = Head(width, 1) if unconditional else None
        initialise(self, weights=initial_weights)
        if spectral:
            add_spectral_norm(self)

    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is; with a prompt, how real as an image of it.

        Raises:
            RecipeError: The head that this needs is switched off.
        """
        if prompt is None:
            if self.unconditional_head is None:
                message = "this discriminator classifies images only together with a caption"
                raise RecipeError(Problem("no-unconditional-head", message, expected="unconditional: true"))
            logits: Tensor = self.unconditional_head(features)
            return logits.flatten()
        if self.joint is None or self.conditional_head is None:
            message = "this discriminator classifies images only without captions"
            expected = "`conditional: true`, or the loss `stackgan-v2` with `captions: false`"
            raise RecipeError(Problem("no-conditional-head", message, expected=expected))
        caption = prompt.sentence
        if self.condition == "mean":
            assert prompt.condition is not None, "the generator samples a condition"  # noqa: S101
            caption = prompt.condition.mean
        tiled = caption[:, :, None, None].expand(-1, -1, *features.shape[2:])
        logits = self.conditional_head(self.joint(torch.cat((features, tiled), dim=1)))
        return logits.flatten()


def _caption_width(spec: DiscriminatorSpec, condition: Literal["sentence", "mean"]) -> int:
    if condition == "sentence":
        return spec.sentence
    if spec.condition is None:
        message = (
            "the discriminator `joint` compares images with the mean of a condition that nothing samples"
        )
        expected = "a generator that samples one, such as `multi-stage`, or `condition: sentence`"
        raise RecipeError(Problem("no-condition", message, expected=expected))
    return spec.condition


class Block(nn.Module):
    """A convolution, batch normalisation unless plain or biased, and a leaky ReLU (slope 0.2)."""

    def __init__(self, before: int, after: int, *, halves: bool, plain: bool, bias: bool) -> None:
        super().__init__()
        kernel, stride = (4, 2) if halves else (3, 1)
        self.convolution = nn.Conv2d(before, after, kernel, stride, padding=1, bias=bias)
        self.normalisation = nn.Identity() if plain or bias else nn.BatchNorm2d(after)
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ _ _"]:
        activated: Tensor = self.activation(self.normalisation(self.convolution(features)))
        return activated


def trunk_widths(size: int, *, channels: int, max_channels: int | None) -> list[int]:
    """Channels after each convolution of a trunk for images of `size` x `size` pixels.

    Raises:
        RecipeError: The size is not 16, 32, 64, ...
    """
    halvings = _halvings(size)
    widths = [min(channels << i, max_channels or channels << i) for i in range(halvings)]
    reduced = [channels << i for i in range(halvings - 2, MAX_DOUBLINGS - 1, -1)]
    return widths + [width for width in reduced if width < widths[-1]]


def trunk(size: int, widths: Sequence[int], *, spectral: bool) -> nn.Sequential:
    """The convolutions from an image to 4 x 4 pixels of `widths[-1]` channels."""
    halvings = _halvings(size)
    blocks = [
        Block(before, after, halves=index < halvings, plain=index == 0, bias=spectral)
        for index, (before, after) in enumerate(zip([3, *widths], widths, strict=False))
    ]
    return nn.Sequential(*blocks)


def _halvings(size: int) -> int:
    """How many halvings take an image to 4 x 4 pixels."""
    if size < 4 * FEATURE_SIZE or size & (size - 1):
        message = f"a discriminator cannot classify images of {size} x {size} pixels"
        raise RecipeError(Problem("image-size", message, expected="16, 32, 64, 128, 256, ..."))
    return (size // FEATURE_SIZE).bit_length() - 1
