"""Pre-training of the encoders: which caption belongs to which image (DAMSM, section 3.2 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, cast

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import AttnforgeError, DataError, Problem, RecipeError
from attnforge.interfaces import Batch, ImageFeatures, Progress, TextFeatures
from attnforge.kernels.region_matching import Precision, region_attention
from attnforge.ranges import Betas, ShareBelowOne, Sharpness, StepSize, Weight
from attnforge.specs import TaskSpec
from attnforge.train.engine import Engine, set_learning_rate
from attnforge_attngan.losses.damsm import add_noise, matching_terms, room_for_kept
from attnforge_attngan.losses.options import Reduction, WordScore
from attnforge_attngan.schedules import decay_by_epoch
from attnforge_attngan.swaps import with_swapped


class MatchingTask:
    """Trains text and image encoder so that a batch's captions find their images, and the other way.

    The loss is the sum of the four cross entropies of Eq. 11-14, each with weight one, as in the paper.

    Args:
        learning_rate: Adam's step size at the start.
        final_learning_rate: Its share that is left at the end.
        decay: How the step size falls: `by-step`, by a constant factor a step so that the share is reached at
            the end of the phase; `by-epoch`, by `epoch_decay` an epoch until the share is reached, as in the
            official code. The paper says nothing of it.
        epoch_decay: Factor of an epoch; `by-step` does not use it.
        reset_optimizer: Start Adam anew at every epoch, which loses its moments: a defect of the official
            code, kept for its numbers.
        betas: Adam's decay rates.
        gamma1: Sharpness of the attention over regions (Eq. 9).
        gamma2: Sharpness of the maximum over words (Eq. 10).
        gamma3: Sharpness of the choice among captions (Eq. 11).
        gradient_norm: Gradients of the text encoder longer than this are cut to it.
        mask_same_class: Leave out pairs of different images that have the same class, as the official code
            does; the paper does not. Refused where all images are of one class.
        word_score: `paper` takes the power 1/gamma2 of Eq. 10; the `official` code leaves it out.
        reduction: `mean` over the batch, as in the official code; `sum` over it, as in Eq. 12-13.
        swapped_captions: Also show each caption with two words swapped, as a wrong one; see `swap_words`.
        image_noise: Standard deviation of noise that is added to the images; see `DamsmLoss`.
        precision: What numbers are rounded to before regions and words are multiplied; `auto` is their own
            type, and autocast's where that is on. A kernel may compute more exactly than asked.
        filter: The share of the gradient of word scores, by sum of absolute values, that the backward pass
            may leave out, in [0, 1); 0 is exact. Above 0, the share of the pairs of an image and a caption
            that the backward pass computed is logged as `pairs kept`.
        kernel: What matches regions: `auto`, or one that `attnforge kernels` lists.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

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
            message = "all images are of one class, so `mask_same_class` leaves no caption to learn from"
            expected = "several classes, a data set without `class_id`, or `mask_same_class: false`"
            raise DataError(Problem("single-class", message, expected=expected))
        self.engine = spec.engine or Engine()
        self.text = cast("nn.Module", spec.text)
        self.image = cast("nn.Module", spec.image)
        self.learning_rate = learning_rate
        self.final_learning_rate = final_learning_rate
        self.decay = decay
        self.epoch_decay = epoch_decay
        self.reset_optimizer = reset_optimizer
        self.gammas = (gamma1, gamma2, gamma3)
        self.gradient_norm = gradient_norm
        self.mask_same_class = mask_same_class
        self.word_score: WordScore = word_score
        self.reduction: Reduction = reduction
        self.swapped_captions = swapped_captions
        self.image_noise = image_noise
        self.precision: Precision = precision
        self.filter = filter
        self.kernel = kernel
        trainable = [
            p for network in (self.text, self.image) for p in network.parameters() if p.requires_grad
        ]
        if not trainable:
            raise AttnforgeError(
                Problem(
                    code="nothing-to-train",
                    message="every weight of both encoders is frozen, as an adversarial phase leaves them",
                    expected="the matching phase before the adversarial phase",
                )
            )
        self.optimizer = self.engine.adam(trainable, learning_rate=learning_rate, betas=betas)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"text": self.text, "image": self.image}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"encoders": self.optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.text.train()
        self.image.train()
        set_learning_rate(self.optimizer, self.learning_rate * self._left(progress))
        if self.reset_optimizer and progress.starts_epoch:
            self.optimizer.state.clear()
        gamma1, gamma2, gamma3 = self.gammas
        tokens, lengths = batch.tokens, batch.lengths
        if self.swapped_captions:
            tokens, lengths = with_swapped(tokens, lengths)
        if len(tokens) < 2:
            message = "a step of one caption has no mismatched caption to learn from"
            raise RecipeError(Problem("batch-of-one", message, None, "a `batch_size` of 2 or more"))
        with self.engine.autocast():
            text = self.text(tokens, lengths)
            kept = room_for_kept(text) if self.filter else None
            terms = matching_terms(
                text,
                self.image(add_noise(self.engine.arranged_images(batch.image), self.image_noise)),
                class_ids=batch.class_ids if self.mask_same_class else None,
                gamma1=gamma1,
                gamma2=gamma2,
                gamma3=gamma3,
                word_score=self.word_score,
                reduction=self.reduction,
                precision=self.precision,
                filter=self.filter,
                kept=kept,
                kernel=self.kernel,
            )
            total = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.text.parameters(), self.gradient_norm)
        self.optimizer.step()
        metrics = {"matching": total.detach(), **{name: term.detach() for name, term in terms.items()}}
        return metrics if kept is None else {**metrics, "pairs kept": kept}

    def region_attention(self, text: TextFeatures, image: ImageFeatures) -> Float[Tensor, "b l h w"]:
        """Where each word looks in its image, as the task's gamma1 has it (Eq. 9)."""
        return region_attention(text.words, image.regions, text.lengths, gamma1=self.gammas[0])

    def _left(self, progress: Progress) -> float:
        """The share of the first step size."""
        if self.decay == "by-epoch":
            return decay_by_epoch(
                epoch=progress.epoch, factor=self.epoch_decay, final_share=self.final_learning_rate
            )
        left: float = self.final_learning_rate**progress.share
        return left
