"""Trains the first stage of a generator of two, before another phase trains the second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, cast

from pydantic import Field
from torch import nn

from attnforge.adversarial.schedules import Schedule
from attnforge.adversarial.task import AdversarialTask
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import Build, Discriminator, Generator
from attnforge.optional import SamplesCondition
from attnforge.ranges import Betas, StepSize
from attnforge.specs import DiscriminatorSpec, TaskSpec

from .second import SecondStage

CONSTANT = Schedule()


class FirstStageTask(AdversarialTask):
    """Trains the first stage of a `stackgan-second` generator, against a discriminator of its own.

    The second stage is neither run nor changed, and the recipe's discriminator, which is of its size, is not
    used: a later phase with the task `gan` trains with it. Until then the run has no generator to sample
    images with. The losses are the recipe's; no average of the weights is kept, as in the official code.

    Args:
        discriminator: Built for the size of the first image.
        generator_learning_rate: Adam's learning rate for the first stage.
        discriminator_learning_rate: Adam's learning rate for the discriminator.
        betas: Adam's decay rates.
        discriminator_steps: Updates of the discriminator in each step, with new noise for each.
        schedule: How both learning rates change during the phase.

    Raises:
        RecipeError: The generator is no `stackgan-second`, or its first stage generates several images.
    """

    def __init__(
        self,
        spec: TaskSpec,
        *,
        discriminator: Build[Discriminator],
        generator_learning_rate: StepSize = 2e-4,
        discriminator_learning_rate: StepSize = 2e-4,
        betas: Betas = (0.5, 0.999),
        discriminator_steps: Annotated[int, Field(ge=1, le=100)] = 1,
        schedule: Schedule = CONSTANT,
    ) -> None:
        first = _first_stage(spec.generator)
        cast(nn.Module, first).requires_grad_(True)  # `stackgan-second` freezes it
        own = DiscriminatorSpec(
            image_size=first.image_sizes[0],
            sentence=spec.text.dim,
            condition=first.condition if isinstance(first, SamplesCondition) else None,
        )
        super().__init__(
            replace(spec, generator=first, discriminators=(discriminator(own),)),
            generator_learning_rate=generator_learning_rate,
            discriminator_learning_rate=discriminator_learning_rate,
            betas=betas,
            discriminator_steps=discriminator_steps,
            average=None,
            schedule=schedule,
        )

    @property
    def sampling_network(self) -> None:
        """None: the images of the whole generator come from a second stage that is not trained yet."""
        return None

    def networks(self) -> Mapping[str, nn.Module]:
        """The networks by name; the first stage is `first-generator`, since `generator` names both stages."""
        names = {"generator": "first-generator"}
        return {names.get(name, name): network for name, network in super().networks().items()}


def _first_stage(generator: Generator | None) -> Generator:
    if not isinstance(generator, SecondStage):
        message = "the task `stackgan-first` trains the first stage of a generator that has none"
        raise RecipeError(Problem("no-first-stage", message, expected="the generator `stackgan-second`"))
    first = generator.first_stage
    if len(first.image_sizes) != 1:
        message = f"the first stage generates {len(first.image_sizes)} images, for one discriminator"
        expected = "a first stage with one image, such as `stackgan-first`"
        raise RecipeError(Problem("no-first-stage", message, expected=expected))
    return first
