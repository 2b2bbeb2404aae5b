"""The DAMSM term of the generator (L_DAMSM of Eq. 3): a generated image must match its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.adversarial.stages import stage_weights
from attnforge.compute.collectives import world_size
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import AdversarialStep, ImageFeatures, TextFeatures, WholeBatch
from attnforge.kernels.region_matching import Precision, region_attention
from attnforge.ranges import ShareBelowOne, Sharpness, Weight
from attnforge.scheduled import ScheduledWeight
from attnforge.specs import LossSpec
from attnforge_attngan.losses.matching import matching_terms
from attnforge_attngan.losses.options import EncoderImages, Reduction, WordScore

__all__ = ["DamsmLoss", "add_noise", "kept_share", "matching_terms"]


class DamsmLoss:
    """Matches the generator's last image and its caption with the pre-trained encoders (Eq. 3 and 7-14).

    The discriminators are not used. The encoders do not learn from what the generator minimises; where the
    task fine-tunes them, they minimise the same terms of `encoder_images`.

    Args:
        weight: Lambda of Eq. 3; the paper takes 5 for CUB and 50 for COCO.
        gamma1: How sharply a word picks its regions (Eq. 9); the paper says 5, the official recipes 4.
        gamma2: How much the best-matching words of a caption count (Eq. 10).
        gamma3: How sharply an image picks its caption (Eq. 11).
        mask_same_class: Mask pairs of different images that have the same class, as the official code does;
            the paper does not.
        word_score: `paper` applies the power 1/gamma2 of Eq. 10; the `official` code omits it.
        reduction: `mean` over the batch, as in the official code; `sum` over it, as in Eq. 12-13.
        stages: A weight for the image of each stage, smallest first, that multiplies `weight`. Fewer weights
            are those of the last stages; the others, and stages of weight 0, are not matched. By default only
            the last is, as in the official code; the paper (section 3.2) reports no gain from all. Smaller
            images are resized to the size of the largest.
        encoder_images: The images that encoders learn from where the task `gan` fine-tunes them: the `real`
            ones of the batch, as in pre-training, or the `generated` ones.
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
        RecipeError: The recipe has no image encoder, or `stages` has more weights than the generator has
            stages, or only zeros.
    """

    needs_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: LossSpec,
        *,
        weight: ScheduledWeight = 5.0,
        gamma1: Sharpness = 4.0,
        gamma2: Sharpness = 5.0,
        gamma3: Sharpness = 10.0,
        mask_same_class: bool = True,
        word_score: WordScore = "official",
        reduction: Reduction = "mean",
        stages: tuple[Weight, ...] | None = None,
        encoder_images: EncoderImages = "real",
        image_noise: Weight = 0.0,
        precision: Precision = "auto",
        filter: ShareBelowOne = 0.0,
        kernel: str = "auto",
    ) -> None:
        if not spec.image_encoder:
            message = "the loss `damsm` matches words with the regions of an image encoder, which is missing"
            expected = "an `image` encoder in the recipe, or a recipe without the loss `damsm`"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        sizes = spec.image_sizes
        self.stages = {-1: 1.0} if stages is None else stage_weights(stages, sizes, loss="damsm")
        self.image_sizes = spec.image_sizes
        self.encoder_images: EncoderImages = encoder_images
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
        self._kept: list[Float[Tensor, ""]] = []

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted sum of the four matching terms, for each stage with a weight."""
        rows = len(step.prompt.sentence) * world_size()
        # a micro-batch is matched with its own captions: no loss sees the images of the others
        is_share = step.everyone is not None and len(step.everyone.class_ids) == rows
        everyone = step.everyone if is_share else None
        self._kept = []
        factor = step.value(self.weight)
        terms = {
            stage: factor * weight * self._matching(step, self._shown(step.fake.images, stage), everyone)
            for stage, weight in self.stages.items()
        }
        if list(terms) == [-1]:
            return {"damsm": terms[-1]}
        return {f"damsm {self.image_sizes[stage]}": term for stage, term in terms.items()}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """No terms."""
        return {}

    def encoders(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The four matching terms of the largest images, unweighted, as in pre-training."""
        images = (step.real if self.encoder_images == "real" else step.fake.images)[-1].detach()
        return {"damsm": self._matching(step, images, None, is_kept=False)}

    def observed(self) -> dict[str, Float[Tensor, ""]]:
        """`pairs kept`, the share of pairs whose gradient the last step computed, with `filter` only."""
        return {"pairs kept": torch.stack(self._kept).mean()} if self._kept else {}

    def _matching(
        self,
        step: AdversarialStep,
        images: Float[Tensor, "b 3 h w"],
        everyone: WholeBatch | None,
        *,
        is_kept: bool = True,
    ) -> Float[Tensor, ""]:
        """The sum of the four terms of images and the captions of their step."""
        encoder = step.image_encoder
        assert encoder is not None, "the spec requires an image encoder"  # noqa: S101
        kept = kept_share(step.prompt) if self.filter else None
        if kept is not None and is_kept:
            self._kept.append(kept)
        terms = matching_terms(
            step.prompt,
            encoder(add_noise(images, self.image_noise)),
            class_ids=step.batch.class_ids if self.mask_same_class else None,
            everyone=everyone,
            gamma1=self.gamma1,
            gamma2=self.gamma2,
            gamma3=self.gamma3,
            word_score=self.word_score,
            reduction=self.reduction,
            precision=self.precision,
            filter=self.filter,
            kept=kept,
            kernel=self.kernel,
        )
        return torch.stack(list(terms.values())).sum()

    def _shown(self, images: Sequence[Float[Tensor, "b 3 _ _"]], stage: int) -> Float[Tensor, "b 3 h w"]:
        """The images of a stage in the size of the last stage's."""
        size = images[-1].shape[-2:]
        if images[stage].shape[-2:] == size:
            return images[stage]
        return F.interpolate(images[stage], size=size, mode="bilinear", align_corners=False)

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
