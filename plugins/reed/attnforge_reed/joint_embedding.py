"""Trains a text encoder with an image encoder by the structured joint embedding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.errors import AttnforgeError, Problem, RecipeError
from attnforge.interfaces import Batch, Progress
from attnforge.ranges import Positive, ShareBelowOne, StepSize
from attnforge.specs import TaskSpec
from attnforge_reed.ranking import accuracy, ranking_loss


class JointEmbeddingTask:
    """Trains text and image encoder so that captions and images of a class have the highest dot products.

    Deep structured joint embedding (Reed et al., CVPR 2016): every batch has images of different classes, and
    every other class of the batch is a negative. The optimizer is torch7's RMSprop.

    Args:
        learning_rate: RMSprop's learning rate at the start.
        smoothing: Decay rate of the mean of squared gradients.
        decay: Factor of the learning rate every `decay_every` steps.
        decay_every: Steps between decays; in the official code one for each training class.
        symmetric: Whether captions are also ranked for images, not only images for captions; both papers use
            the symmetric objective.

    Raises:
        RecipeError: The recipe has no image encoder, or batches are computed in parts.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    distinct_classes: ClassVar[bool] = True
    sampling_network: None = None

    def __init__(
        self,
        spec: TaskSpec,
        *,
        learning_rate: StepSize = 7e-4,
        smoothing: ShareBelowOne = 0.99,
        decay: Annotated[float, Field(gt=0, le=1)] = 0.98,
        decay_every: Positive = 150,
        symmetric: bool = True,
    ) -> None:
        if spec.image is None:
            message = "the task `joint-embedding` needs an image encoder, which is missing"
            expected = "an `image` encoder in the recipe, such as `inception-v3` or `timm`"
            raise RecipeError(Problem("no-image-encoder", message, expected=expected))
        self.engine = spec.engine or Engine()
        if self.engine.micro_batch_size is not None:
            message = "the task `joint-embedding` compares all images of a batch, and computes none in parts"
            expected = "a smaller `batch_size`, or no `training.micro_batch_size`"
            raise RecipeError(Problem("whole-batches-only", message, expected=expected))
        self.text = cast("nn.Module", spec.text)
        self.image = cast("nn.Module", spec.image)
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_every = decay_every
        self.symmetric = symmetric
        trainable = [
            weight
            for network in (self.text, self.image)
            for weight in network.parameters()
            if weight.requires_grad
        ]
        if not trainable:
            message = "every weight of both encoders is frozen, as after an adversarial phase"
            expected = "the joint embedding before the adversarial phase"
            raise AttnforgeError(Problem("nothing-to-train", message, expected=expected))
        self.optimizer = torch.optim.RMSprop(trainable, lr=learning_rate, alpha=smoothing, eps=1e-8)
        self.update = self.engine.update(self.optimizer)

    def networks(self) -> Mapping[str, nn.Module]:
        return {"text": self.text, "image": self.image}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"encoders": self.optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        self.text.train()
        self.image.train()
        factor = self.decay ** (progress.step // self.decay_every)
        set_learning_rate(self.optimizer, self.learning_rate * factor)
        if len(batch.captions) < 2:
            message = "a batch of one caption has no mismatched caption to learn from"
            raise RecipeError(Problem("batch-of-one", message, None, "a `batch_size` of 2 or more"))
        with self.engine.autocast():
            captions = self.text(batch.tokens, batch.lengths).sentence
            images = self.image(self.engine.arranged_images(batch.image, self.image)).image
        captions, images = captions.float(), images.float()
        own = torch.arange(len(captions), device=captions.device)
        classes = batch.class_ids.to(captions.device)
        # an image that replaces a damaged one may be of any class
        ignored = classes[:, None] == classes
        terms = {"images": ranking_loss(images, captions, own, ignored=ignored)}
        if self.symmetric:
            terms["captions"] = ranking_loss(captions, images, own, ignored=ignored)
        total = torch.stack(list(terms.values())).sum()
        self.update.minimise(iter([total]))
        return {
            "joint embedding": total.detach(),
            **{name: term.detach() for name, term in terms.items()},
            "accuracy": accuracy(images.detach(), captions.detach(), own),
        }
