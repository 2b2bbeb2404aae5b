"""Pre-training of the encoders: which caption belongs to which image (DAMSM, section 3.2 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, ClassVar, Literal, cast

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.schedules import decay_by_epoch
from attnforge.compute.collectives import world_size
from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.compute.random_state import separate_random_numbers
from attnforge.errors import AttnforgeError, DataError, Problem, RecipeError
from attnforge.interfaces import Batch, ImageFeatures, Progress, TextFeatures
from attnforge.kernels.region_matching import Precision, region_attention
from attnforge.ranges import Betas, ShareBelowOne, Sharpness, StepSize, Weight
from attnforge.specs import TaskSpec
from attnforge_attngan.losses.damsm import add_noise, kept_share, matching_terms
from attnforge_attngan.losses.options import Reduction, WordScore
from attnforge_attngan.swaps import with_swapped
from attnforge_attngan.tasks.cached_features import minimise_in_parts


class MatchingTask:
    """Trains text and image encoder to match the captions of a batch with their images, and vice versa.

    The loss is the sum of the four cross entropies of Eq. 11-14, each with weight one, as in the paper.

    Args:
        learning_rate: Adam's learning rate at the start.
        final_learning_rate: The share of it that is left at the end.
        decay: How the learning rate decays: `by-step`, by a constant factor per step that reaches the share
            at the end of the phase; `by-epoch`, by `epoch_decay` per epoch until the share is reached, as in
            the official code. The paper does not mention it.
        epoch_decay: Factor per epoch; `by-step` does not use it.
        reset_optimizer: Reset Adam's state at every epoch: a defect of the official code, kept to reproduce
            its numbers.
        betas: Adam's decay rates.
        gamma1: Sharpness of the attention over regions (Eq. 9).
        gamma2: Sharpness of the maximum over words (Eq. 10).
        gamma3: Sharpness of the choice among captions (Eq. 11).
        gradient_norm: Gradients of the text encoder are clipped to this norm.
        mask_same_class: Mask pairs of different images that have the same class, as the official code does;
            the paper does not. An error where all images are of one class.
        word_score: `paper` applies the power 1/gamma2 of Eq. 10; the `official` code omits it.
        reduction: `mean` over the batch, as in the official code; `sum` over it, as in Eq. 12-13.
        swapped_captions: Add each caption with two words swapped as a negative; see `swap_words`.
        image_noise: Standard deviation of the noise that is added to the images; see `DamsmLoss`.
        precision: Type that regions and words are rounded to before they are multiplied; `auto` is their own
            type, or autocast's where that is on. A kernel may compute in higher precision.
        filter: The share of the gradient of word scores, by sum of absolute values, that the backward pass
            may skip, in [0, 1); 0 is exact. Above 0, the share of image-caption pairs that the backward pass
            computed is logged as `pairs kept`.
        kernel: The kernel that matches regions: `auto`, or one that `attnforge kernels` lists.
    """

    needs_captions: ClassVar[bool] = True

    needs: ClassVar[frozenset[str]] = frozenset()
    distributed: ClassVar[bool] = True
    sampling_network: None = None

    def __init__(
        self,
        spec: TaskSpec,
        *,
        learning_rate: StepSize = 2e-3,
        final_learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1,
        decay: Literal["by-step", "by-epoch"] = "by-step",
        epoch_decay: Annotated[float, Field(gt=0, le=1)] = 0.98,
        reset_optimizer: bool = False,
        betas: Betas = (0.5, 0.999),
        gamma1: Sharpness = 4.0,
        gamma2: Sharpness = 5.0,
        gamma3: Sharpness = 10.0,
        gradient_norm: Sharpness = 0.25,
        mask_same_class: bool = True,
        word_score: WordScore = "official",
        reduction: Reduction = "mean",
        swapped_captions: bool = False,
        image_noise: Weight = 0.0,
        precision: Precision = "auto",
        filter: ShareBelowOne = 0.0,
        kernel: str = "auto",
    ) -> None:
        if mask_same_class and spec.classes == 1:
            message = "all images are of one class, so `mask_same_class` masks every negative"
            expected = "several classes, a data set without `class_id`, or `mask_same_class: false`"
            raise DataError(Problem("single-class", message, expected=expected))
        if spec.image is None:
            message = "the task `damsm` trains an image encoder, which is missing"
            expected = "an `image` encoder in the recipe, such as `inception-v3` or `timm`"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        self.engine = spec.engine or Engine()
        self.text = cast("nn.Module", spec.text)
        self.image = cast("nn.Module", spec.image)
        self.learning_rate = learning_rate
        self.final_learning_rate = final_learning_rate
        self.decay = decay
        self.epoch_decay = epoch_decay
        self.reset_optimizer = reset_optimizer
        self.gammas = (gamma1, gamma2, gamma3)
        self.mask_same_class = mask_same_class
        self.word_score: WordScore = word_score
        self.reduction: Reduction = reduction
        self.swapped_captions = swapped_captions
        self.image_noise = image_noise
        self.precision: Precision = precision
        self.filter = filter
        self.kernel = kernel
        self._kept: Float[Tensor, ""] | None = None
        trainable = [
            p for network in (self.text, self.image) for p in network.parameters() if p.requires_grad
        ]
        if not trainable:
            raise AttnforgeError(
                Problem(
                    code="nothing-to-train",
                    message="every weight of both encoders is frozen, as after an adversarial phase",
                    expected="the matching phase before the adversarial phase",
                )
            )
        self.optimizer = self.engine.adam(trainable, learning_rate=learning_rate, betas=betas)
        self.update = self.engine.update(self.optimizer, clipped=self.text.parameters(), norm=gradient_norm)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"text": self.text, "image": self.image}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"encoders": self.optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.text.train()
        self.image.train()
        set_learning_rate(self.optimizer, self.learning_rate * self._decayed_share(progress))
        if self.reset_optimizer and progress.starts_epoch:
            self.optimizer.state.clear()
        tokens, lengths = batch.tokens, batch.lengths
        if self.swapped_captions:
            tokens, lengths = with_swapped(tokens, lengths)
        if len(tokens) * world_size() < 2:
            message = "a batch of one caption has no mismatched caption to learn from"
            raise RecipeError(Problem("batch-of-one", message, None, "a `batch_size` of 2 or more"))
        separate_random_numbers()
        parts = self.engine.micro_batches(len(batch.captions))
        terms: dict[str, Tensor] = {}

        def loss_of(image: ImageFeatures) -> Tensor:
            with self.engine.autocast():
                terms.update(self._terms(self.text(tokens, lengths), image, batch.class_ids))
                return torch.stack(list(terms.values())).sum()

        if len(parts) == 1:
            self.update.minimise(iter([loss_of(self._encoded(batch.image))]))
        else:
            encode = [partial(self._encoded, batch.image[part]) for part in parts]
            minimise_in_parts(self.update, encode, loss_of, device=self.engine.device)
        scalars = {name: term.detach() for name, term in terms.items()}
        kept = {} if self._kept is None else {"pairs kept": self._kept}
        return {"matching": torch.stack(list(scalars.values())).sum(), **scalars, **kept}

    def _encoded(self, images: Float[Tensor, "b 3 h w"]) -> ImageFeatures:
        with self.engine.autocast():
            arranged = self.engine.arranged_images(images, self.image)
            features: ImageFeatures = self.image(add_noise(arranged, self.image_noise))
            return features

    def _terms(
        self, text: TextFeatures, image: ImageFeatures, class_ids: Int[Tensor, "b"]
    ) -> dict[str, Float[Tensor, ""]]:
        gamma1, gamma2, gamma3 = self.gammas
        self._kept = kept_share(text) if self.filter else None
        return matching_terms(
            text,
            image,
            class_ids=class_ids if self.mask_same_class else None,
            gamma1=gamma1,
            gamma2=gamma2,
            gamma3=gamma3,
            word_score=self.word_score,
            reduction=self.reduction,
            precision=self.precision,
            filter=self.filter,
            kept=self._kept,
            kernel=self.kernel,
        )

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """The attention of each word over its image's regions, with the task's gamma1 (Eq. 9)."""
        return region_attention(text.words, image.regions, text.lengths, gamma1=self.gammas[0])

    def _decayed_share(self, progress: Progress) -> float:
        """The share of the initial learning rate."""
        if self.decay == "by-epoch":
            return decay_by_epoch(
                epoch=progress.epoch, factor=self.epoch_decay, final_share=self.final_learning_rate
            )
        share: float = self.final_learning_rate**progress.share
        return share
