"""Trains the network that generates key points, before another phase trains the generator of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from attnforge.adversarial.freezing import frozen
from attnforge.adversarial.precision import at_least_float32
from attnforge.adversarial.schedules import Schedule
from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Batch, Progress
from attnforge.ranges import Betas, Share, StepSize
from attnforge.specs import TaskSpec
from attnforge_gawwn.keypoint_generator import KEYPOINTS, KeypointGenerator
from attnforge_gawwn.layout import LayoutDiscriminator
from attnforge_gawwn.sizes import InnerWidth

CONSTANT = Schedule()


class LayoutTask:
    """Trains the `layout` of a `gawwn-keypoints` generator against a discriminator of key points.

    In every step most points of each image are dropped; the network generates them for the caption, around
    those that are left. The discriminator learns to distinguish them from the image's own, and the network
    learns from the updated discriminator. Images are neither seen nor generated, so the run has no generator
    to sample with until a later phase with the task `gan` has trained it.

    Args:
        discriminator_channels: Its widest layer is four times as wide; 128 in the published scripts.
        generator_learning_rate: Adam's learning rate for the network.
        discriminator_learning_rate: Adam's learning rate for the discriminator.
        betas: Adam's decay rates.
        dropped: Probability that a point is not given.
        schedule: How both learning rates change during the phase.

    Raises:
        RecipeError: The recipe's generator has no `layout`.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator"})
    sampling_network: None = None

    def __init__(
        self,
        spec: TaskSpec,
        *,
        discriminator_channels: InnerWidth = 128,
        generator_learning_rate: StepSize = 2e-4,
        discriminator_learning_rate: StepSize = 2e-4,
        betas: Betas = (0.5, 0.999),
        dropped: Share = 0.9,
        schedule: Schedule = CONSTANT,
    ) -> None:
        generator = spec.generator
        if not isinstance(generator, KeypointGenerator) or generator.layout is None:
            message = "the task `gawwn-layout` trains the `layout` of a generator that has none"
            expected = "generator: {use: gawwn-keypoints, layout: {}}"
            raise RecipeError(Problem("no-layout", message, expected=expected))
        self.engine = spec.engine or Engine()
        self.text = cast("nn.Module", spec.text).requires_grad_(False)
        self.image_encoder = spec.image
        self.layout = generator.layout.requires_grad_(True)  # the generator freezes it
        self.discriminator = LayoutDiscriminator(
            words=generator.words, points=generator.points, channels=discriminator_channels
        ).to(next(self.layout.parameters()).device)
        self.dropped = dropped
        self.schedule = schedule
        self.learning_rates = (generator_learning_rate, discriminator_learning_rate)
        self.generator_optimizer = self.engine.adam(
            self.layout.parameters(), learning_rate=generator_learning_rate, betas=betas
        )
        self.discriminator_optimizer = self.engine.adam(
            self.discriminator.parameters(), learning_rate=discriminator_learning_rate, betas=betas
        )
        self.generator_update = self.engine.update(self.generator_optimizer)
        self.discriminator_update = self.engine.update(self.discriminator_optimizer)

    def networks(self) -> Mapping[str, nn.Module]:
        image = {"image": self.image_encoder} if isinstance(self.image_encoder, nn.Module) else {}
        return {"text": self.text, **image, "layout": self.layout, "layout-discriminator": self.discriminator}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"layout": self.generator_optimizer, "layout-discriminator": self.discriminator_optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        factor = self.schedule.factor(progress)
        set_learning_rate(self.generator_optimizer, self.learning_rates[0] * factor)
        set_learning_rate(self.discriminator_optimizer, self.learning_rates[1] * factor)
        self.text.eval()
        self.layout.train()
        self.discriminator.train()
        points = batch.extras[KEYPOINTS]
        with torch.no_grad(), self.engine.autocast():
            sentence: Tensor = self.text(batch.tokens, batch.lengths).sentence
        noise = torch.randn(len(points), self.layout.noise, device=points.device)
        kept = torch.rand(points.shape[:2], device=points.device) >= self.dropped
        with self.engine.autocast():
            generated = self.layout(noise, sentence, points * kept[:, :, None])
            real_loss = self._loss(points, sentence, real=True)
            fake_loss = self._loss(generated.detach(), sentence, real=False)
            total = real_loss + fake_loss
        self.discriminator_update.minimise(iter([total]))
        with frozen(self.discriminator.parameters()):
            with self.engine.autocast():
                loss = self._loss(generated, sentence, real=True)
            self.generator_update.minimise(iter([loss]))
        return {"D layout": total.detach(), "G layout": loss.detach()}

    def _loss(
        self, points: Float[Tensor, "b p 3"], sentence: Float[Tensor, "b d"], *, real: bool
    ) -> Float[Tensor, ""]:
        """The cross entropy of points that are to count as real, or as generated."""
        logits = at_least_float32(self.discriminator(points, sentence))
        return nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))
