"""A discriminator that compares image and sentence by a scalar product."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from jaxtyping import Float, Int
from torch import Tensor, nn

from attnforge.adversarial.initialisation import initialise
from attnforge.interfaces import Prompt
from attnforge.ranges import Width
from attnforge.specs import DiscriminatorSpec
from attnforge_gan.discriminator import TrunkDiscriminator, trunk_widths
from attnforge_gan.head import Head
from attnforge_gan.spectral import add_spectral_norm


class ProjectionDiscriminator(TrunkDiscriminator):
    """Scores an image alone, and adds how well it matches the sentence.

        logit(x, s) = u(f(x)) + p(f(x)) . W s / sqrt(d)

    with f the trunk of the `joint` discriminator. The scalar product learns which words match which images
    in far fewer steps than convolving image and sentence together, and costs next to nothing for many
    mismatched sentences: use it with `mismatch: all`. This is the projection discriminator of Miyato and
    Koyama (2018) with a sentence in place of the class. Features: b c 4 4. Logits: b, before any sigmoid.

    Args:
        channels: Channels after the first convolution.
        norm: `batch` is batch normalisation; `spectral`, spectral normalisation of every convolution.
        max_channels: Upper bound of the channels of any map.

    Raises:
        RecipeError: The image size is not 16, 32, 64, ...
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: DiscriminatorSpec,
        *,
        channels: Width = 64,
        norm: Literal["batch", "spectral"] = "spectral",
        max_channels: Width | None = None,
    ) -> None:
        spectral = norm == "spectral"
        widths = trunk_widths(spec.image_size, channels=channels, max_channels=max_channels)
        super().__init__(spec, widths, spectral=spectral)
        self.unconditional = True
        self.unconditional_head = Head(widths[-1], 1)
        self.image = Head(widths[-1], spec.sentence)
        self.sentence = nn.Linear(spec.sentence, spec.sentence, bias=False)
        initialise(self)
        if spectral:
            add_spectral_norm(self)

    def logits(self, features: Float[Tensor, "b c 4 4"], prompt: Prompt | None) -> Float[Tensor, "b"]:
        """How real an image with these features is; with a prompt, how real as an image of it."""
        alone: Tensor = self.unconditional_head(features).flatten()
        if prompt is None:
            return alone
        match: Tensor = (self.image(features) * self.sentence(prompt.sentence)).sum(dim=1)
        return alone + match / math.sqrt(prompt.sentence.shape[1])

    def pair_logits(
        self,
        features: Float[Tensor, "b c 4 4"],
        prompt: Prompt,
        *,
        images: Int[Tensor, "k"],
        captions: Int[Tensor, "k"],
    ) -> Float[Tensor, "k"]:
        """`logits` of pairs, from one projection of each image and each sentence.

        Args:
            features: The features of b images.
            prompt: Any number of captions.
            images: The image of each pair, as a row of the features.
            captions: Its caption, as a row of the prompt.
        """
        alone: Tensor = self.unconditional_head(features).flatten()
        matches: Tensor = self.image(features) @ self.sentence(prompt.sentence).T
        # `index_select` has a gradient in fixed order on every device
        pairs = matches.flatten().index_select(0, images * len(prompt.sentence) + captions)
        return alone.index_select(0, images) + pairs / math.sqrt(prompt.sentence.shape[1])
