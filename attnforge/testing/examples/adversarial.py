"""A small adversarial loss and the task that plays the game with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import AdversarialStep, Batch, Discriminator, Progress
from attnforge.specs import TaskSpec


class ExampleLoss:
    """The hinge, for images with their sentence.

    Args:
        weight: What both terms are multiplied with.
    """

    def __init__(self, *, weight: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.weight = weight

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Drawn images shall be called real."""
        judged = [
            -judge.logits(judge.features(fake), step.text.sentence).mean()
            for judge, fake in zip(step.discriminators, step.fake.images, strict=True)
        ]
        return {"example": self.weight * torch.stack(judged).sum()}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Real images shall be called real, drawn ones not."""
        sentence = step.text.sentence
        terms = []
        for judge, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            terms.append(F.relu(1 - judge.logits(judge.features(real), sentence)).mean())
            terms.append(F.relu(1 + judge.logits(judge.features(fake.detach()), sentence)).mean())
        return {"example": self.weight * torch.stack(terms).sum()}


class ExampleTask:
    """Discriminators learn, then the generator does, by plain gradient descent.

    Args:
        learning_rate: The step size.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator", "discriminators", "losses"})

    def __init__(self, spec: TaskSpec, *, learning_rate: Annotated[float, Field(gt=0)] = 0.05) -> None:
        if spec.generator is None or not spec.discriminators or not spec.losses:
            message = "the example task needs a generator, discriminators and losses"
            raise AttnforgeError(Problem("task-lacks-parts", message, expected="all three"))
        self.spec = spec
        self.parts = nn.ModuleDict(
            {"text": cast("nn.Module", spec.text), "image": cast("nn.Module", spec.image)}
        )
        self.parts.requires_grad_(False).eval()
        self.generator = spec.generator
        self.drawing = cast("nn.Module", spec.generator)
        self.judging = nn.ModuleList(cast("nn.Module", one) for one in spec.discriminators)
        self.steps = {
            "discriminators": torch.optim.SGD(self.judging.parameters(), lr=learning_rate),
            "generator": torch.optim.SGD(self.drawing.parameters(), lr=learning_rate),
        }

    def networks(self) -> Mapping[str, nn.Module]:
        """All four networks."""
        return {**self.parts, "generator": self.drawing, "discriminators": self.judging}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """One a side."""
        return self.steps

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        """One step of both sides."""
        self.drawing.train()
        self.judging.train()
        with torch.no_grad():
            text = self.spec.text(batch.tokens, batch.lengths)
        game = AdversarialStep(
            real=tuple(
                F.interpolate(batch.image, size=(size, size), mode="area")
                for size in self.generator.image_sizes
            ),
            fake=self.generator(torch.randn(len(batch.keys), self.generator.noise), text),
            text=text,
            class_ids=batch.class_ids,
            discriminators=tuple(cast("Discriminator", one) for one in self.judging),
            image_encoder=self.spec.image,
        )
        losses = self.spec.losses.values()
        judged = torch.stack([term for loss in losses for term in loss.discriminator(game).values()]).sum()
        self._update("discriminators", judged)
        drawn = torch.stack([term for loss in losses for term in loss.generator(game).values()]).sum()
        self._update("generator", drawn)
        return {"judging": judged.detach(), "drawing": drawn.detach()}

    def _update(self, side: str, total: Tensor) -> None:
        self.steps[side].zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.steps[side].step()
