"""A small adversarial loss and a task that trains with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.errors import AttnforgeError, Problem
from attnforge.interfaces import AdversarialStep, Batch, Discriminator, Progress, Prompt
from attnforge.specs import LossSpec, TaskSpec


class ExampleLoss:
    """The hinge loss, for images with their caption.

    Args:
        weight: Factor of both terms.
    """

    def __init__(self, spec: LossSpec, *, weight: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.weight = weight

    def generator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Low when fake images are classified as real."""
        losses = [
            -discriminator.logits(discriminator.features(fake), step.prompt).mean()
            for discriminator, fake in zip(step.discriminators, step.fake.images, strict=True)
        ]
        return {"example": self.weight * torch.stack(losses).sum()}

    def discriminator(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """Low when real images are classified as real and fake images as fake."""
        prompt = step.prompt
        terms = []
        for discriminator, real, fake in zip(step.discriminators, step.real, step.fake.images, strict=True):
            real_logits = discriminator.logits(discriminator.features(real), prompt)
            fake_logits = discriminator.logits(discriminator.features(fake.detach()), prompt)
            terms += [F.relu(1 - real_logits).mean(), F.relu(1 + fake_logits).mean()]
        return {"example": self.weight * torch.stack(terms).sum()}


class ExampleTask:
    """Trains the discriminators, then the generator, by plain gradient descent.

    Args:
        learning_rate: Learning rate of both optimizers.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator", "discriminators", "losses"})
    sampling_network: str | None = "generator"

    def __init__(self, spec: TaskSpec, *, learning_rate: Annotated[float, Field(gt=0)] = 0.05) -> None:
        if spec.generator is None or not spec.discriminators or not spec.losses:
            message = "the example task needs a generator, discriminators and losses"
            raise AttnforgeError(Problem("task-lacks-parts", message, expected="all three"))
        self.spec = spec
        encoders = {"text": spec.text, "image": spec.image}
        self.encoders = nn.ModuleDict(
            {name: encoder for name, encoder in encoders.items() if isinstance(encoder, nn.Module)}
        )
        self.encoders.requires_grad_(False).eval()
        self.generator = spec.generator
        self.generator_module = cast("nn.Module", spec.generator)
        self.discriminators = nn.ModuleList(
            cast("nn.Module", discriminator) for discriminator in spec.discriminators
        )
        self.sgd = {
            "discriminators": torch.optim.SGD(self.discriminators.parameters(), lr=learning_rate),
            "generator": torch.optim.SGD(self.generator_module.parameters(), lr=learning_rate),
        }

    def networks(self) -> Mapping[str, nn.Module]:
        """The encoders, the generator and the discriminators."""
        return {**self.encoders, "generator": self.generator_module, "discriminators": self.discriminators}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """One for the discriminators and one for the generator."""
        return self.sgd

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        """One step of the discriminators and one of the generator."""
        self.generator_module.train()
        self.discriminators.train()
        with torch.no_grad():
            text = self.spec.text(batch.tokens, batch.lengths)
        prompt = Prompt.of(text, extras=batch.extras, tokens=batch.tokens)
        step = AdversarialStep(
            batch=batch,
            progress=progress,
            prompt=prompt,
            generator=self.generator,
            real=tuple(
                F.interpolate(batch.image, size=(size, size), mode="area")
                for size in self.generator.image_sizes
            ),
            fake=self.generator(torch.randn(len(batch.keys), self.generator.noise), prompt),
            discriminators=tuple(
                cast("Discriminator", discriminator) for discriminator in self.discriminators
            ),
            image_encoder=self.spec.image,
        )
        losses = self.spec.losses.values()
        discriminator_loss = _total(loss.discriminator(step) for loss in losses)
        self._update("discriminators", discriminator_loss)
        generator_loss = _total(loss.generator(step) for loss in losses)
        self._update("generator", generator_loss)
        return {"discriminators": discriminator_loss.detach(), "generator": generator_loss.detach()}

    def _update(self, name: str, loss: Tensor) -> None:
        self.sgd[name].zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.sgd[name].step()


def _total(losses: Iterable[Mapping[str, Tensor]]) -> Tensor:
    return torch.stack([term for terms in losses for term in terms.values()]).sum()
