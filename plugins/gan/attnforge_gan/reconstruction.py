"""Trains a generator on the real image of each caption, before there are discriminators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from attnforge.adversarial.pyramid import pyramid
from attnforge.adversarial.schedules import Schedule
from attnforge.compute.collectives import world_size
from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.errors import AttnforgeError, Problem, RecipeError
from attnforge.interfaces import Batch, Progress, Prompt
from attnforge.optional import Mirrors
from attnforge.ranges import Betas, StepSize, Weight
from attnforge.specs import TaskSpec

from .pixels import distances

DECAY = Schedule(decay_from=0.5, decay_to=0.02)


class ReconstructionTask:
    """Trains the generator to give the real image of each caption, by its pixels and its edges.

    What is minimised is the loss `pixels` with weight 1.

    A generator that a discriminator teaches from the start learns colours first and shapes very late. A step
    of this task needs no other network than the generator, and each image has one right answer, so that a few
    thousand images are seen many times in the minutes in which an adversarial phase sees them once or twice.
    Its images are blurred: let the task `gan` follow. SRGAN begins so, too (Ledig et al., 2017).

    Text and image encoder are frozen, and noise learns to have no effect: images of a caption will differ
    little. Where the data mirror or shift training images, the generator would learn averages of an image and
    its moved copies; `data: {crop: false, flip: false}`.

    Args:
        learning_rate: Adam's learning rate.
        betas: Adam's decay rates.
        edges: Factor of the distance of edges.
        schedule: How the learning rate changes during the phase.

    Raises:
        RecipeError: The generator mirrors half of its images.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator"})
    needs_still_images: ClassVar[bool] = True
    distributed: ClassVar[bool] = True
    sampling_network: str = "generator"

    def __init__(
        self,
        spec: TaskSpec,
        *,
        learning_rate: StepSize = 3e-3,
        betas: Betas = (0.9, 0.99),
        edges: Weight = 1.0,
        schedule: Schedule = DECAY,
    ) -> None:
        if spec.generator is None:
            message = "the task `reconstruction` trains a generator, which is missing"
            expected = "the key `generator` in the recipe"
            raise AttnforgeError(Problem("task-lacks-parts", message, expected=expected))
        if isinstance(spec.generator, Mirrors) and spec.generator.mirror:
            message = "the task `reconstruction` cannot train a generator that mirrors half of its images"
            raise RecipeError(Problem("moving-images", message, expected="generator: {mirror: false}"))
        self.engine = spec.engine or Engine()
        self.text = cast("nn.Module", spec.text)
        self.image_encoder = spec.image
        self.generator = cast("nn.Module", spec.generator)
        self._generate = spec.generator
        for network in (self.text, self.image_encoder):
            if isinstance(network, nn.Module):
                network.requires_grad_(False).eval()
        self.learning_rate = learning_rate
        self.edges = edges
        self.schedule = schedule
        self.optimizer = self.engine.adam(
            self.generator.parameters(), learning_rate=learning_rate, betas=betas
        )
        self.update = self.engine.update(self.optimizer)

    def networks(self) -> Mapping[str, nn.Module]:
        image = {"image": self.image_encoder} if isinstance(self.image_encoder, nn.Module) else {}
        return {"text": self.text, **image, "generator": self.generator}

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"generator": self.optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        set_learning_rate(self.optimizer, self.learning_rate * self.schedule.factor(progress))
        self.generator.train()
        self.text.eval()
        with torch.no_grad(), self.engine.autocast():
            text = self.text(batch.tokens, batch.lengths)
        prompt = Prompt.of(text, extras=batch.extras, tokens=batch.tokens)
        images = len(batch.captions) * world_size()
        noise = torch.randn(images, self._generate.noise, device=batch.image.device)
        noise = noise[self.engine.share(images)]
        real = pyramid(batch.image, self._generate.image_sizes, levels=batch.levels)
        parts = self.engine.micro_batches(len(batch.captions))
        seen: list[dict[str, Tensor]] = []

        def losses() -> Iterator[Tensor]:
            for part in parts:
                rows = torch.arange(len(batch.captions), device=noise.device)[part]
                with self.engine.autocast():
                    fake = self._generate(noise[part], prompt.rows(rows)).images
                pixels, edges = distances(fake, [image[part] for image in real])
                terms = {"pixels": pixels, "edges": self.edges * edges}
                seen.append({name: term.detach() / len(parts) for name, term in terms.items()})
                yield torch.stack(list(terms.values())).sum() / len(parts)

        self.update.minimise(losses(), count=len(parts))
        return {name: torch.stack([one[name] for one in seen]).sum() for name in seen[0]}
