"""The DAMSM term of the generator (L_DAMSM of Eq. 3): a drawn image must show what its words say."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import AdversarialStep, ImageFeatures, TextFeatures
from attnforge.kernels.region_matching import Precision, region_attention
from attnforge.ranges import ShareBelowOne, Sharpness, Weight
from attnforge_attngan.losses.matching import matching_terms
from attnforge_attngan.losses.options import Reduction, WordScore

__all__ = ["DamsmLoss", "add_noise", "matching_terms", "room_for_kept"]


class DamsmLoss:
    """Judges the generator's last image with the encoders of the matching phase (Eq. 3 and 7-14).

    The discriminators take no part. Both encoders must stay as they are while the generator trains.

    Args:
        weight: Lambda of Eq. 3; the paper takes 5 for CUB and 50 for COCO.
        gamma1: How sharply a word picks its regions (Eq. 9); the paper says 5, the official recipes 4.
        gamma2: How much the best-matching words of a caption count (Eq. 10).
        gamma3: How sharply an image picks its caption (Eq. 11).
        mask_same_class: Leave out pairs of different images that have the same class, as the official code
            does; the paper does not.
        word_score: `paper` takes the power 1/gamma2 of Eq. 10; the `official` code leaves it out.
        reduction: `mean` over the batch, as in the official code; `sum` over it, as in Eq. 12-13.
        image_noise: Standard deviation of noise that is added to the images, which lie in [-1, 1]. An
            encoder that has seen noise of this strength, and judges through it, is harder to please with
            patterns that no person sees (randomised smoothing; Cohen et al., 2019).
        precision: What numbers are rounded to before regions and words are multiplied; `auto` is their own
            type, and autocast's where that is on. A kernel may compute more exactly than asked.
        filter: The share of the gradient of word scores, by sum of absolute values, that the backward pass
            may leave out, in [0, 1); 0 is exact. Above 0, the share of the pairs of an image and a caption
            that the backward pass computed is logged as `pairs kept`.
        kernel: What matches regions: `auto`, or one that `attnforge kernels` lists.
    """

    def __init__(
        self,
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
        self._kept = room_for_kept(step.text) if self.filter else None
        terms = matching_terms(
            step.text,
            step.image_encoder(add_noise(step.fake.images[-1], self.image_noise)),
            class_ids=step.class_ids if self.mask_same_class else None,
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
        """Nothing."""
        return {}

    def observed(self) -> dict[str, Float[Tensor, ""]]:
        """The share of pairs whose gradient the last step computed, when gradients are filtered."""
        return {} if self._kept is None else {"pairs kept": self._kept}

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """Where each word looks in its image, as the loss's gamma1 has it (Eq. 9)."""
        return region_attention(text.words, image.regions, text.lengths, gamma1=self.gamma1)


def room_for_kept(text: TextFeatures) -> Float[Tensor, ""]:
    """A number on the text's device that a backward pass can write into, so that nothing waits for it."""
    return torch.ones((), device=text.words.device)


def add_noise(images: Float[Tensor, "b 3 h w"], deviation: float) -> Float[Tensor, "b 3 h w"]:
    """The images with Gaussian noise of a standard deviation; the images themselves when it is 0."""
    if not deviation:
        return images
    # neither the layout of the images nor rounding decides which numbers are drawn
    dtype = torch.promote_types(images.dtype, torch.float32)
    return images + deviation * torch.randn(images.shape, dtype=dtype, device=images.device)
