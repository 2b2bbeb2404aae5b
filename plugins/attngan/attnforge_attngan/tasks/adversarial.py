"""The adversarial game of AttnGAN (section 3.1 of the paper): discriminators, then generator, each step."""

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


class _GeneratorNetwork(Protocol):
    noise: int
    image_sizes: tuple[int, ...]

    def __call__(self, noise: Tensor, text: TextFeatures) -> GeneratorOutput: ...


class AdversarialTask:
    """Trains a generator against one discriminator an image size, with encoders that stay as they are.

    Each step draws one batch of images; the discriminators learn from them first, and the generator
    then learns from the discriminators just updated. The averaged generator is what is sampled from.

    Args:
        generator_learning_rate: Adam's step size for the generator.
        discriminator_learning_rate: Adam's step size for the discriminators.
        betas: Adam's decay rates.
        average: Decay of the moving average of the generator's weights, a step, as in the official code; 0
            keeps none, and images are drawn with the weights that train. The paper does not speak of it.
        average_buffers: What the averaged generator's batch normalisation uses: `copy`, the statistics of the
            generator that trains, as the official code; `average`, their moving average; `recompute`, its
            own, for which it draws each step's captions, too. See `WeightAverage`.
        decay_from: Share of the phase after which both step sizes fall in a straight line.
        decay_to: Share of the step sizes that is left at the end.
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
        self.draw = cast("_GeneratorNetwork", spec.generator)
        self.discriminators = nn.ModuleDict(
            {
                str(size): cast("nn.Module", one)
                for size, one in zip(spec.generator.image_sizes, spec.discriminators, strict=True)
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
        self._play = self.engine.graphed(self._round, name="the adversarial step")
        for network in (self.text, self.image):
            network.requires_grad_(False)
            network.eval()

    def networks(self) -> Mapping[str, nn.Module]:
        judges = {f"discriminator-{size}": one for size, one in self.discriminators.items()}
        average = {"generator-average": self.average.network} if self.average else {}
        return {
            "text": self.text,
            "image": self.image,
            "generator": self.generator,
            **average,
            **judges,
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
            "noise": torch.randn(len(batch.captions), self.draw.noise, device=batch.image.device),
        }
        return self._play(inputs if batch.levels is None else {**inputs, "levels": batch.levels})

    def _round(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One round of the game, from tensors alone, so that it can be recorded."""
        text = TextFeatures(inputs["words"], inputs["sentence"], inputs["padding"])
        noise = inputs["noise"]
        real = pyramid(inputs["image"], self.draw.image_sizes, levels=inputs.get("levels"))
        with self.engine.autocast():
            game = AdversarialStep(
                real=tuple(map(self.engine.arranged_images, real)),
                fake=self.draw(noise, text),
                text=text,
                class_ids=inputs["class_ids"],
                discriminators=tuple(cast("Discriminator", one) for one in self.discriminators.values()),
                image_encoder=self.image_encoder,
            )
            judged = _merge({name: loss.discriminator(game) for name, loss in self.losses.items()})
        self._refuse_missing(judged, learner="the discriminators")
        _update(self.discriminator_optimizer, judged)
        with _held(self.discriminators):  # their weights' gradients would be thrown away
            with self.engine.autocast():
                drawn = _merge({name: loss.generator(game) for name, loss in self.losses.items()})
            self._refuse_missing(drawn, learner="the generator")
            _update(self.generator_optimizer, drawn)
        if self.average:
            self.average.update(self.generator)
            if self.average.observes:
                with self.engine.autocast():
                    _observe(self.average.network, noise, text)
        return {
            **{f"D {name}": value.detach() for name, value in judged.items()},
            **{f"G {name}": value.detach() for name, value in drawn.items()},
            **_merge(
                {name: one.observed() for name, one in self.losses.items() if isinstance(one, Observing)}
            ),
        }

    def _refuse_missing(self, terms: Mapping[str, Tensor], *, learner: str) -> None:
        if terms:
            return
        message = f"none of the losses {', '.join(self.losses)} has a term for {learner}"
        expected = "an adversarial loss among `losses`, such as `hinge` or `bce`, which has terms for both"
        raise RecipeError(Problem("no-terms", message, None, expected, "attnforge components loss"))


@contextmanager
def _held(network: nn.Module) -> Iterator[None]:
    """Give the weights of a network no gradient meanwhile; those that never have one stay as they are."""
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in trained:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trained:
            weight.requires_grad_(True)


def _observe(generator: nn.Module, noise: Float[Tensor, "b n"], text: TextFeatures) -> None:
    """Let a generator's batch normalisation see what it makes of a batch."""
    generator.train()
    with torch.no_grad():
        generator(noise, text)


def pyramid(
    images: Float[Tensor, "b 3 h w"],
    sizes: tuple[int, ...],
    *,
    levels: UInt8[Tensor, "b 3 h w"] | None = None,
) -> tuple[Float[Tensor, "b 3 _ _"], ...]:
    """The same images at every size, smallest first; antialiased bilinear, as real images shrink.

    Args:
        images: The images.
        sizes: Their sides in pixels.
        levels: The grey levels that the images were made of. The smaller images then hold whole grey
            levels, too, as those of the official code do, and are made in half of the time on a CPU.
    """
    return tuple(images if images.shape[-1] == size else _shrink(images, size, levels) for size in sizes)


def _shrink(images: Tensor, size: int, levels: Tensor | None) -> Tensor:
    resize = partial(F.interpolate, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    if levels is None:
        return resize(images)
    # only CPUs resize bytes
    shrunk = resize(levels) if levels.device.type == "cpu" else resize(levels.float()).round_()
    return shrunk.float().div_(127.5).sub_(1.0)


def _merge(terms: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The terms of all losses; one that another loss has too is told apart by the loss's name."""
    merged: dict[str, Tensor] = {}
    for loss, one in terms.items():
        for name, value in one.items():
            merged[f"{loss}: {name}" if name in merged else name] = value
    return merged


def _update(optimizer: torch.optim.Optimizer, terms: Mapping[str, Tensor]) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
