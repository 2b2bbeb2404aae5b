"""The DAMSM term of the generator (L_DAMSM of Eq. 3): a generated image must match its words."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.compute.collectives import world_size
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, ImageFeatures, TextFeatures
from attnforge.kernels.region_matching import Precision, region_attention
from attnforge.ranges import ShareBelowOne, Sharpness, Weight
from attnforge.specs import LossSpec
from attnforge_attngan.losses.matching import matching_terms
from attnforge_attngan.losses.options import Reduction, WordScore

__all__ = ["DamsmLoss", "add_noise", "kept_share", "matching_terms"]


class DamsmLoss:
    """Matches the generator's last image and its caption with the pre-trained encoders (Eq. 3 and 7-14).

    The discriminators are not used. Both encoders must be frozen while the generator trains.

    Args:
        weight: Lambda of Eq. 3; the paper takes 5 for CUB and 50 for COCO.
        gamma1: How sharply a word picks its regions (Eq. 9); the paper says 5, the official recipes 4.
        gamma2: How much the best-matching words of a caption count (Eq. 10).
        gamma3: How sharply an image picks its caption (Eq. 11).
        mask_same_class: Mask pairs of different images that have the same class, as the official code does;
            the paper does not.
        word_score: `paper` applies the power 1/gamma2 of Eq. 10; the `official` code omits it.
        reduction: `mean` over the batch, as in the official code; `sum` over it, as in Eq. 12-13.
        image_noise: Standard deviation of the noise that is added to the images, which are in [-1, 1]. An
            encoder trained and evaluated with this noise is harder to fool with patterns that no person sees
            (randomised smoothing; Cohen et al., 2019).
        precision: Type that regions and words are rounded to before they are multiplied; `auto` is their own
            type, or autocast's where that is on. A kernel may compute in higher precision.
        filter: The share of the gradient of word scores, by sum of absolute values, that the backward pass
            may skip, in [0, 1); 0 is exact. Above 0, the share of image-caption pairs that the backward pass
            computed is logged as `pairs kept`.
        kernel: The kernel that matches regions: `auto`, or one that `attnforge kernels` lists.

    Raises:
        RecipeError: The recipe has no image encoder.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: Weight = 5.0,
        gamma1: Sharpness = 4.0,
        gamma2: Sharpness = 5.0,
        gamma3: Sharpness = 10.0,
        mask_same_class: bool = True,
        word_score: WordScore = "official",
        reduction: Reduction = "mean",
        image_noise: Weight = 0.0,
        precision: Precision = "auto",
        filter: ShareBelowOne = 0.0,
        kernel: str = "auto",
    ) -> None:
        if not spec.image_encoder:
            message = "the loss `damsm` matches words with the regions of an image encoder, which is missing"
            expected = "an `image` encoder in the recipe, or a recipe without the loss `damsm`"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        self.weight = weight
        self.gamma1 = gamma1
        self.gamma2 = gamma2
        self.gamma3 = gamma3
        self.mask_same_class = mask_same_class
        self.word_score: WordScore = word_score
        self.reduction: Reduction = reduction
        self.image_noise = image_noise
        self.precision: Precision = precision
        self.filter = filter
        self.kernel = kernel
        self._kept: Float[Tensor, ""] | None = None

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted sum of the four matching terms of the largest images."""
        encoder = step.image_encoder
        assert encoder is not None, "the spec requires an image encoder"  # noqa: S101
        self._kept = kept_share(step.prompt) if self.filter else None
        rows = len(step.prompt.sentence) * world_size()
        # a micro-batch is matched with its own captions: no loss sees the images of the others
        is_share = step.everyone is not None and len(step.everyone.class_ids) == rows
        terms = matching_terms(
            step.prompt,
            encoder(add_noise(step.fake.images[-1], self.image_noise)),
            class_ids=step.batch.class_ids if self.mask_same_class else None,
            everyone=step.everyone if is_share else None,
            gamma1=self.gamma1,
            gamma2=self.gamma2,
            gamma3=self.gamma3,
            word_score=self.word_score,
            reduction=self.reduction,
            precision=self.precision,
            filter=self.filter,
            kept=self._kept,
            kernel=self.kernel,
        )
        return {"damsm": self.weight * torch.stack(list(terms.values())).sum()}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms."""
        return {}

    def observed(self) -> dict[str, Float[Tensor, ""]]:
        """`pairs kept`, the share of pairs whose gradient the last step computed, with `filter` only."""
        return {} if self._kept is None else {"pairs kept": self._kept}

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """The attention of each word over its image's regions, with the loss's gamma1 (Eq. 9)."""
        return region_attention(text.words, image.regions, text.lengths, gamma1=self.gamma1)


def kept_share(text: TextFeatures) -> Float[Tensor, ""]:
    """A scalar on the text's device for the backward pass to write into, without synchronising."""
    return torch.ones((), device=text.words.device)


def add_noise(images: Float[Tensor, "b 3 h w"], deviation: float) -> Float[Tensor, "b 3 h w"]:
    """The images plus Gaussian noise of the given standard deviation; unchanged when it is 0."""
    if not deviation:
        return images
    # the noise depends neither on the memory layout of the images nor on rounding
    dtype = torch.promote_types(images.dtype, torch.float32)
    return images + deviation * torch.randn(images.shape, dtype=dtype, device=images.device)
