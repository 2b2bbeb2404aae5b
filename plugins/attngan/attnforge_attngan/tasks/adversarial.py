"""Adversarial training of AttnGAN (section 3.1 of the paper): discriminators, then generator, each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, Protocol, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from attnforge.errors import AttnforgeError, Problem, RecipeError
from attnforge.interfaces import (
    AdversarialStep,
    Batch,
    Discriminator,
    GeneratorOutput,
    Progress,
    TextFeatures,
)
from attnforge.ranges import Betas, Share, ShareBelowOne, StepSize
from attnforge.specs import TaskSpec
from attnforge.train.engine import Engine, set_learning_rate
from attnforge_attngan.averaging import AverageBuffers, WeightAverage
from attnforge_attngan.losses.observed import Observing
from attnforge_attngan.schedules import linear_decay


class _Generator(Protocol):
    noise: int
    image_sizes: tuple[int, ...]

    def __call__(self, noise: Tensor, text: TextFeatures) -> GeneratorOutput: ...


class AdversarialTask:
    """Trains a generator against one discriminator an image size, with frozen encoders.

    Each step generates one batch of images; the discriminators are updated first, and the generator then
    learns from the updated discriminators. Sampling uses the averaged generator (EMA).

    Args:
        generator_learning_rate: Adam's learning rate for the generator.
        discriminator_learning_rate: Adam's learning rate for the discriminators.
        betas: Adam's decay rates.
        average: Decay per step of the EMA of the generator's weights, as in the official code; 0 keeps none,
            and images are sampled with the trained weights. The paper does not mention it.
        average_buffers: What the averaged generator's batch normalisation uses: `copy`, the statistics of the
            trained generator, as the official code; `average`, their EMA; `recompute`, its own, which takes a
            forward pass on each step's captions. See `WeightAverage`.
        decay_from: Share of the phase after which both learning rates decay linearly.
        decay_to: Share of the learning rates that is left at the end.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator", "discriminators", "losses"})

    def __init__(
        self,
        spec: TaskSpec,
        *,
        generator_learning_rate: StepSize = 2e-4,
        discriminator_learning_rate: StepSize = 2e-4,
        betas: Betas = (0.5, 0.999),
        average: ShareBelowOne = 0.999,
        average_buffers: AverageBuffers = "copy",
        decay_from: Share = 1.0,
        decay_to: Share = 1.0,
    ) -> None:
        if spec.generator is None or not spec.discriminators or not spec.losses:
            raise AttnforgeError(
                Problem(
                    code="task-lacks-parts",
                    message="the adversarial task needs a generator, a discriminator and losses",
                    expected="keys `generator`, `discriminator` and `losses` in the recipe",
                )
            )
        self.engine = spec.engine or Engine()
        self.text = cast("nn.Module", spec.text)
        self.image = cast("nn.Module", spec.image)
        self.generator = cast("nn.Module", spec.generator)
        self._generate = cast("_Generator", spec.generator)
        self.discriminators = nn.ModuleDict(
            {
                str(size): cast("nn.Module", discriminator)
                for size, discriminator in zip(spec.generator.image_sizes, spec.discriminators, strict=True)
            }
        )
        self.losses = dict(spec.losses)
        self.image_encoder = spec.image
        self.learning_rates = (generator_learning_rate, discriminator_learning_rate)
        self.decay = (decay_from, decay_to)
        self.average = (
            WeightAverage(self.generator, decay=average, buffers=average_buffers) if average else None
        )
        self.generator_optimizer = self.engine.adam(
            self.generator.parameters(), learning_rate=generator_learning_rate, betas=betas
        )
        self.discriminator_optimizer = self.engine.adam(
            self.discriminators.parameters(), learning_rate=discriminator_learning_rate, betas=betas
        )
        self._run_step = self.engine.graphed(self._adversarial_step, name="the adversarial step")
        for network in (self.text, self.image):
            network.requires_grad_(False)
            network.eval()

    def networks(self) -> Mapping[str, nn.Module]:
        discriminators = {f"discriminator-{size}": network for size, network in self.discriminators.items()}
        average = {"generator-average": self.average.network} if self.average else {}
        return {
            "text": self.text,
            "image": self.image,
            "generator": self.generator,
            **average,
            **discriminators,
        }

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        return {"generator": self.generator_optimizer, "discriminators": self.discriminator_optimizer}

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        start, final_share = self.decay
        factor = linear_decay(progress=progress.share, start=start, final_share=final_share)
        set_learning_rate(self.generator_optimizer, self.learning_rates[0] * factor)
        set_learning_rate(self.discriminator_optimizer, self.learning_rates[1] * factor)
        self.text.eval()
        self.image.eval()
        self.generator.train()
        self.discriminators.train()
        with torch.no_grad(), self.engine.autocast():
            text: TextFeatures = self.text(batch.tokens, batch.lengths)
        inputs = {
            "image": batch.image,
            "class_ids": batch.class_ids,
            "words": text.words,
            "sentence": text.sentence,
            "padding": text.padding,
            "noise": torch.randn(len(batch.captions), self._generate.noise, device=batch.image.device),
        }
        return self._run_step(inputs if batch.levels is None else {**inputs, "levels": batch.levels})

    def _adversarial_step(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One adversarial step, from tensors alone, so that a CUDA graph can record it."""
        text = TextFeatures(inputs["words"], inputs["sentence"], inputs["padding"])
        noise = inputs["noise"]
        real = pyramid(inputs["image"], self._generate.image_sizes, levels=inputs.get("levels"))
        with self.engine.autocast():
            step = AdversarialStep(
                real=tuple(map(self.engine.arranged_images, real)),
                fake=self._generate(noise, text),
                text=text,
                class_ids=inputs["class_ids"],
                discriminators=tuple(
                    cast("Discriminator", network) for network in self.discriminators.values()
                ),
                image_encoder=self.image_encoder,
            )
            discriminator_terms = _merge(
                {name: loss.discriminator(step) for name, loss in self.losses.items()}
            )
        self._refuse_missing(discriminator_terms, learner="the discriminators")
        _update(self.discriminator_optimizer, discriminator_terms)
        with _frozen(self.discriminators):  # their weights' gradients would be discarded
            with self.engine.autocast():
                generator_terms = _merge({name: loss.generator(step) for name, loss in self.losses.items()})
            self._refuse_missing(generator_terms, learner="the generator")
            _update(self.generator_optimizer, generator_terms)
        if self.average:
            self.average.update(self.generator)
            if self.average.observes:
                with self.engine.autocast():
                    _observe(self.average.network, noise, text)
        return {
            **{f"D {name}": value.detach() for name, value in discriminator_terms.items()},
            **{f"G {name}": value.detach() for name, value in generator_terms.items()},
            **_merge(
                {name: loss.observed() for name, loss in self.losses.items() if isinstance(loss, Observing)}
            ),
        }

    def _refuse_missing(self, terms: Mapping[str, Tensor], *, learner: str) -> None:
        if terms:
            return
        message = f"none of the losses {', '.join(self.losses)} has a term for {learner}"
        expected = "an adversarial loss among `losses`, such as `hinge` or `bce`, which has terms for both"
        raise RecipeError(Problem("no-terms", message, None, expected, "attnforge components loss"))


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Freeze a network's trainable weights inside the context; weights frozen before stay frozen after."""
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _observe(generator: nn.Module, noise: Float[Tensor, "b n"], text: TextFeatures) -> None:
    """Update a generator's batch normalisation statistics with one forward pass."""
    generator.train()
    with torch.no_grad():
        generator(noise, text)


def pyramid(
    images: Float[Tensor, "b 3 h w"],
    sizes: tuple[int, ...],
    *,
    levels: UInt8[Tensor, "b 3 h w"] | None = None,
) -> tuple[Float[Tensor, "b 3 _ _"], ...]:
    """The images at every size, smallest first; antialiased bilinear.

    Args:
        images: The images.
        sizes: Their sides in pixels.
        levels: The 8-bit values that the images were converted from. The smaller images are then rounded to
            8 bits too, as in the official code, which takes half the time on a CPU.
    """
    return tuple(images if images.shape[-1] == size else _shrink(images, size, levels) for size in sizes)


def _shrink(images: Tensor, size: int, levels: Tensor | None) -> Tensor:
    resize = partial(F.interpolate, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    if levels is None:
        return resize(images)
    # torch resizes bytes on CPUs only
    shrunk = resize(levels) if levels.device.type == "cpu" else resize(levels.float()).round_()
    return shrunk.float().div_(127.5).sub_(1.0)


def _merge(terms: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The terms of all losses; a name that an earlier loss has too is prefixed with the loss's name."""
    merged: dict[str, Tensor] = {}
    for loss, loss_terms in terms.items():
        for name, value in loss_terms.items():
            merged[f"{loss}: {name}" if name in merged else name] = value
    return merged


def _update(optimizer: torch.optim.Optimizer, terms: Mapping[str, Tensor]) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
