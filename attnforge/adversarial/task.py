"""Adversarial training: discriminators, then generator, in every step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, ClassVar, cast

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor, nn

from attnforge.adversarial.averaging import Average, WeightAverage
from attnforge.adversarial.freezing import frozen, weights_of
from attnforge.adversarial.micro_batches import (
    MicroBatch,
    mean_terms,
    merged_terms,
    micro_batches,
    with_whole_batch,
)
from attnforge.adversarial.pyramid import pyramid
from attnforge.adversarial.same_side import SameSide
from attnforge.adversarial.schedules import Schedule
from attnforge.adversarial.step_tensors import tensors_of, with_tensors
from attnforge.adversarial.tuning import EncoderTuning, TunedEncoders
from attnforge.compute.collectives import world_size
from attnforge.compute.engine import Engine, set_learning_rate
from attnforge.compute.random_state import RandomState, separate_random_numbers
from attnforge.compute.update import Update
from attnforge.errors import AttnforgeError, Problem, RecipeError
from attnforge.interfaces import AdversarialStep, Batch, Discriminator, GeneratorOutput, Progress
from attnforge.optional import Mirrors, Observing, Varies
from attnforge.ranges import Betas, StepSize
from attnforge.scheduled import ScheduledValues
from attnforge.specs import TaskSpec
from attnforge.values import Prompt, TextFeatures

DEFAULT_AVERAGE = Average()
CONSTANT = Schedule()


class AdversarialTask:
    """Trains a generator against one discriminator an image size, by default with frozen encoders.

    Each step generates a batch of images; the discriminators are updated first, and the generator then learns
    from the updated discriminators. Sampling uses the averaged generator (EMA) where there is one.

    A family that trains differently extends this class and overrides `encode`, `generate`,
    `discriminator_terms` or `generator_terms`.

    Args:
        generator_learning_rate: Adam's learning rate for the generator.
        discriminator_learning_rate: Adam's learning rate for the discriminators.
        betas: Adam's decay rates.
        discriminator_steps: Updates of the discriminators in each step, with new noise for each; the
            generator learns from the images of the last.
        average: The moving average of the generator's weights that images are sampled with; null keeps none.
        schedule: How both learning rates change during the phase.
        train: Submodules of the generator that are trained, such as `second_stage`; by default all.
        encoders: How text and image encoder are fine-tuned along; null keeps them frozen, as in the official
            code. The paper (section 3.2) reports no gain.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"generator", "discriminators", "losses"})
    distributed: ClassVar[bool] = True
    averages_captions: ClassVar[bool] = True

    def __init__(
        self,
        spec: TaskSpec,
        *,
        generator_learning_rate: StepSize = 2e-4,
        discriminator_learning_rate: StepSize = 2e-4,
        betas: Betas = (0.5, 0.999),
        discriminator_steps: Annotated[int, Field(ge=1, le=100)] = 1,
        average: Average | None = DEFAULT_AVERAGE,
        schedule: Schedule = CONSTANT,
        train: tuple[str, ...] = (),
        encoders: EncoderTuning | None = None,
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
        self.image_encoder = spec.image
        self.generator = cast("nn.Module", spec.generator)
        self._generate = spec.generator
        self.discriminators = nn.ModuleDict(
            {
                str(size): cast("nn.Module", discriminator)
                for size, discriminator in zip(spec.generator.image_sizes, spec.discriminators, strict=True)
            }
        )
        self.losses = dict(spec.losses)
        self.loss_modules = nn.ModuleDict(
            {name: loss for name, loss in self.losses.items() if isinstance(loss, nn.Module)}
        )
        mirrors = isinstance(self.generator, Mirrors) and self.generator.mirror
        self.same_side = SameSide().to(self.engine.device) if mirrors else None
        self.learning_rates = (generator_learning_rate, discriminator_learning_rate)
        self.discriminator_steps = discriminator_steps
        self.schedule = schedule
        image = self.image_encoder if isinstance(self.image_encoder, nn.Module) else None
        self.tuned: TunedEncoders | None = None
        if encoders:
            self.tuned = TunedEncoders(
                encoders, text=self.text, image=image, losses=self.losses, engine=self.engine
            )
        for network in (self.text, self.image_encoder):
            if isinstance(network, nn.Module):
                network.requires_grad_(False)
                network.eval()
        self.average = WeightAverage(self.generator, average) if average else None
        trained = weights_of(self.generator, train)
        self._untrained = [weight for weight in self.generator.parameters() if weight not in set(trained)]
        self.generator_optimizer = self.engine.adam(
            trained, learning_rate=generator_learning_rate, betas=betas
        )
        self.discriminator_optimizer = self.engine.adam(
            [*self.discriminators.parameters(), *self.loss_modules.parameters()],
            learning_rate=discriminator_learning_rate,
            betas=betas,
        )
        self.generator_update = self.engine.update(self.generator_optimizer)
        self.discriminator_update = self.engine.update(self.discriminator_optimizer)
        self._batch: Batch | None = None
        self._progress: Progress | None = None
        self._scheduled = ScheduledValues(self.engine.device)
        self._graphs: dict[Hashable, Callable[[Mapping[str, Tensor]], dict[str, Tensor]]] = {}

    @property
    def sampling_network(self) -> str | None:
        return "generator-average" if self.average else "generator"

    def networks(self) -> Mapping[str, nn.Module]:
        image = {"image": self.image_encoder} if isinstance(self.image_encoder, nn.Module) else {}
        return {
            "text": self.text,
            **image,
            "generator": self.generator,
            **({"generator-average": self.average.network} if self.average else {}),
            **{f"discriminator-{size}": network for size, network in self.discriminators.items()},
            **{f"loss-{name}": loss for name, loss in self.loss_modules.items() if loss.state_dict()},
            **({"same-side": self.same_side} if self.same_side else {}),
        }

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        tuned = {"encoders": self.tuned.optimizer} if self.tuned else {}
        return {
            "generator": self.generator_optimizer,
            "discriminators": self.discriminator_optimizer,
            **tuned,
        }

    def step(self, batch: Batch, *, progress: Progress) -> dict[str, Tensor]:
        factor = self.schedule.factor(progress)
        set_learning_rate(self.generator_optimizer, self.learning_rates[0] * factor)
        set_learning_rate(self.discriminator_optimizer, self.learning_rates[1] * factor)
        if self.tuned:
            self.tuned.scale_learning_rate(factor)
        if isinstance(self.image_encoder, nn.Module):  # other phases leave it in training mode
            self.image_encoder.eval()
        self.generator.train()
        self.discriminators.train()
        self.loss_modules.train()
        prompt = self.encode(batch)
        rounds, images = self.discriminator_steps, len(batch.captions) * world_size()
        noise = torch.randn(rounds, images, self._generate.noise, device=batch.image.device)
        noise = noise[:, self.engine.share(images)]
        separate_random_numbers()
        # a graph records operations, so every combination of operations needs one of its own
        variant = (
            self.average.average.decay_at(progress) if self.average else None,
            *(loss.variant(progress) if isinstance(loss, Varies) else None for loss in self.losses.values()),
        )
        if variant not in self._graphs:
            self._graphs[variant] = self.engine.graphed(self._run, name="the adversarial step")
        self._batch, self._progress = batch, progress
        self._scheduled.advance(progress)
        return self._graphs[variant](tensors_of(batch, prompt, noise))

    def encode(self, batch: Batch) -> Prompt:
        """What the images of a batch show: captions encoded in evaluation mode and without gradients.

        The sentence of an image with further captions is the mean over all; its words are those of the first.
        """
        self.text.eval()
        with torch.no_grad(), self.engine.autocast():
            text: TextFeatures = self.text(batch.tokens, batch.lengths)
            if batch.other_tokens is not None and batch.other_lengths is not None:
                others = zip(batch.other_tokens, batch.other_lengths, strict=True)
                sentences = [text.sentence, *(self.text(*caption).sentence for caption in others)]
                text = replace(text, sentence=torch.stack(sentences).mean(dim=0))
        return Prompt.of(text, extras=batch.extras, tokens=batch.tokens)

    def generate(self, noise: Float[Tensor, "b n"], prompt: Prompt) -> GeneratorOutput:
        """One batch of images."""
        return self._generate(noise, prompt)

    def discriminator_terms(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted terms that the discriminators minimise, by name."""
        return merged_terms({name: loss.discriminator(step) for name, loss in self.losses.items()})

    def generator_terms(self, step: AdversarialStep) -> dict[str, Float[Tensor, ""]]:
        """The weighted terms that the generator minimises, by name."""
        return merged_terms({name: loss.generator(step) for name, loss in self.losses.items()})

    def _run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One adversarial step, from tensors alone, so that a CUDA graph can capture it."""
        assert self._batch is not None, "`step` sets the batch"  # noqa: S101
        batch, prompt, noise = with_tensors(self._batch, inputs)
        if self.same_side is not None:
            batch = self.same_side(batch)
        real = pyramid(batch.image, self._generate.image_sizes, levels=batch.levels)
        whole = MicroBatch(batch, prompt, noise, self._arranged(real))
        parts = micro_batches(whole, self.engine.micro_batches(len(batch.captions)))
        for row in range(len(noise) - 1):
            with torch.no_grad():
                steps = self._steps(parts, row)
            self._train_discriminators(steps)
        with frozen(self._untrained):
            terms = self._last_round(parts) if len(parts) == 1 else self._last_round_in_parts(parts)
        for part in parts:
            self._update_average(part.noise[-1], part.prompt, first=part is parts[0])
        return {
            **terms,
            **merged_terms(
                {name: loss.observed() for name, loss in self.losses.items() if isinstance(loss, Observing)}
            ),
            **{
                f"{name} {size}": value
                for size, network in self.discriminators.items()
                if isinstance(network, Observing)
                for name, value in network.observed().items()
            },
        }

    def _last_round(self, parts: Sequence[MicroBatch]) -> dict[str, Tensor]:
        """Train the discriminators, and the generator on the same images."""
        steps = self._steps(parts, -1)
        terms = {**self._train_discriminators(steps), **self._train_generator(steps, parts=1)}
        return {**terms, **self._tune_encoders(steps)}

    def _last_round_in_parts(self, parts: Sequence[MicroBatch]) -> dict[str, Tensor]:
        """The same with little memory: images are generated once more, one part at a time, with gradients."""
        states: list[RandomState] = []
        with torch.no_grad():
            steps = self._steps(parts, -1, states=states)
        terms = self._train_discriminators(steps)

        def again() -> Iterator[AdversarialStep]:
            for part, step, state in zip(parts, steps, states, strict=True):
                with state.replayed():
                    yield replace(step, fake=self._fake(part, -1))

        terms |= self._train_generator(again(), parts=len(parts))
        return {**terms, **self._tune_encoders(steps)}

    def _steps(
        self, parts: Sequence[MicroBatch], row: int, *, states: list[RandomState] | None = None
    ) -> list[AdversarialStep]:
        """Generate the images of each part; `states` gets the state of random numbers before each."""
        steps = []
        for part in parts:
            if states is not None:
                states.append(RandomState.current(self.engine.device))
            steps.append(self._adversarial_step(part, self._fake(part, row)))
        return with_whole_batch(steps)

    def _fake(self, part: MicroBatch, row: int) -> GeneratorOutput:
        with self.engine.autocast():
            output = self.generate(part.noise[row], part.prompt)
        return replace(output, images=self._arranged(output.images))

    def _arranged(self, images: Sequence[Float[Tensor, "b 3 _ _"]]) -> tuple[Float[Tensor, "b 3 _ _"], ...]:
        """The images of every size in the memory format of their discriminators."""
        networks = self.discriminators.values()
        return tuple(map(self.engine.arranged_images, images, networks))

    def _adversarial_step(self, part: MicroBatch, fake: GeneratorOutput) -> AdversarialStep:
        assert self._progress is not None, "`step` sets the progress"  # noqa: S101
        condition = None if fake.condition is None else fake.condition.detached()
        return AdversarialStep(
            batch=part.batch,
            progress=self._progress,
            prompt=replace(part.prompt, condition=condition),
            real=part.real,
            fake=fake,
            generator=self._generate,
            discriminators=tuple(cast("Discriminator", network) for network in self.discriminators.values()),
            image_encoder=self.image_encoder,
            scheduled=self._scheduled,
        )

    def _train_discriminators(self, steps: Sequence[AdversarialStep]) -> dict[str, Tensor]:
        update, terms = self.discriminator_update, self.discriminator_terms
        means = self._minimise(update, steps, terms, parts=len(steps), learner="the discriminators")
        return {f"D {name}": value for name, value in means.items()}

    def _train_generator(self, steps: Iterable[AdversarialStep], *, parts: int) -> dict[str, Tensor]:
        # gradients of the discriminators' weights would be discarded
        with frozen([*self.discriminators.parameters(), *self.loss_modules.parameters()]):
            means = self._minimise(
                self.generator_update, steps, self.generator_terms, parts=parts, learner="the generator"
            )
        return {f"G {name}": value for name, value in means.items()}

    def _tune_encoders(self, steps: Sequence[AdversarialStep]) -> dict[str, Tensor]:
        if self.tuned is None:
            return {}
        tuned = self.tuned
        with tuned.training():
            means = self._minimise(
                tuned.update, tuned.encoded(steps), tuned.terms, parts=len(steps), learner="the encoders"
            )
        return {f"E {name}": value for name, value in means.items()}

    def _minimise(
        self,
        update: Update,
        steps: Iterable[AdversarialStep],
        terms_of: Callable[[AdversarialStep], dict[str, Tensor]],
        *,
        parts: int,
        learner: str,
    ) -> dict[str, Tensor]:
        """Take a step of an optimizer; returns the terms, as means over the parts of the batch."""
        seen: list[dict[str, Tensor]] = []

        def losses() -> Iterator[Tensor]:
            for step in steps:
                with self.engine.autocast():
                    terms = terms_of(step)
                self._refuse_missing(terms, learner=learner)
                seen.append({name: value.detach() for name, value in terms.items()})
                total = torch.stack(list(terms.values())).sum()
                yield total if parts == 1 else total / parts

        update.minimise(losses(), count=parts)
        return mean_terms(seen)

    def _update_average(self, noise: Float[Tensor, "b n"], prompt: Prompt, *, first: bool) -> None:
        if self.average is None:
            return
        assert self._progress is not None, "`step` sets the progress"  # noqa: S101
        if first:
            self.average.update(self.generator, progress=self._progress)
        if self.average.observes:  # batch normalisation sees this step's captions
            self.average.network.train()
            with torch.no_grad(), self.engine.autocast():
                self.average.network(noise, prompt)

    def _refuse_missing(self, terms: Mapping[str, Tensor], *, learner: str) -> None:
        if terms:
            return
        message = f"none of the losses {', '.join(self.losses)} has a term for {learner}"
        expected = "an adversarial loss among `losses`, such as `hinge` or `bce`, which has terms for both"
        raise RecipeError(Problem("no-terms", message, None, expected, "attnforge components loss"))
