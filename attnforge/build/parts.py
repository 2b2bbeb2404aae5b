"""The parts of a recipe, each built when it is first used.

A part's initial weights depend only on the seed and its name, so building more parts, or in another order,
does not change them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from attnforge.build.builder import Builder, class_of
from attnforge.build.datasets import Datasets
from attnforge.data.feeding.shortened import ShortenedTokenizer
from attnforge.errors import Problem, RecipeError
from attnforge.interfaces import (
    Build,
    Dataset,
    Discriminator,
    Generator,
    ImageEncoder,
    Loss,
    Sampler,
    Task,
    TextEncoder,
    Tokenizer,
)
from attnforge.optional import CompletesExtras, KeepsBlanks, SamplesCondition
from attnforge.recipe.options import options_of
from attnforge.recipe.schema import Recipe
from attnforge.recipe.shapes import has_slots
from attnforge.recipe.skipped import SkippedPart
from attnforge.seeds import derive_seed
from attnforge.specs import (
    DiscriminatorSpec,
    GeneratorSpec,
    ImageSpec,
    LossSpec,
    SamplerSpec,
    ScorerSpec,
    TaskSpec,
    TextSpec,
)

if TYPE_CHECKING:
    from attnforge.compute.engine import Engine

Part = TypeVar("Part")


class Parts:
    """Builds and caches the networks, losses and data of one recipe.

    Args:
        recipe: The assembled recipe.
        tokenizer: The fitted tokenizer, since the text encoder's size depends on its vocabulary.
        device: The device of the networks; on `meta` they have shapes and no data, and cost nothing.
        engine: How tasks compute, and the memory format of weights; by default plain torch.
        datasets: The recipe's data, if some of it is already open.
        extras: Shapes of the extras in prompts, by name; by default those of the training data, if open.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        tokenizer: Tokenizer,
        device: torch.device,
        engine: Engine | None = None,
        datasets: Datasets | None = None,
        extras: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        self.recipe = recipe
        self.tokenizer = tokenizer
        self.device = device
        self.engine = engine
        self.datasets = datasets or Datasets(recipe.data, on_bad_image=recipe.training.on_bad_image)
        self.extras = self.datasets.extras() if extras is None else extras
        self._task_networks: dict[str, nn.Module] = {}

    @cached_property
    def text(self) -> TextEncoder:
        blank = self.tokenizer.blank if isinstance(self.tokenizer, KeepsBlanks) else None
        spec = TextSpec(vocabulary_size=self.tokenizer.vocabulary_size, blank=blank)
        return self._build("text", partial(self.recipe.text, spec))

    @cached_property
    def generator(self) -> Generator | None:
        builder = self.recipe.generator
        if builder is None:
            return None
        spec = GeneratorSpec(words=self.text.dim, extras=self.extras)
        return self._compiled(self._build("generator", partial(builder, spec)))

    @cached_property
    def image_size(self) -> int:
        """Side in pixels of the largest images.

        Raises:
            RecipeError: the recipe has neither a generator nor a phase with `image_size`.
        """
        if self.generator is not None:
            return self.generator.image_sizes[-1]
        sizes = [phase.image_size for phase in self.recipe.phases.values() if phase.image_size]
        if not sizes:
            raise RecipeError(
                Problem(
                    code="no-image-size",
                    message="the recipe has no generator, so the size of images is unknown",
                    expected="`image_size` in a phase, or a `generator`",
                )
            )
        return max(sizes)

    @cached_property
    def image(self) -> ImageEncoder | None:
        builder = self.recipe.image
        if builder is None:
            return None
        spec = ImageSpec(dim=self.text.dim, image_size=self.image_size)
        return self._compiled(self._build("image", partial(builder, spec)))

    def sampler(self, generator: Generator) -> Sampler | None:
        """What asks a generator for images; None where the recipe leaves that to plain noise."""
        if self.recipe.sampling is None:
            return None
        sampler: Sampler = self.recipe.sampling(self.sampler_spec(generator))
        return sampler

    def sampler_spec(self, generator: Generator) -> SamplerSpec:
        """The spec of what asks a generator for images."""
        return SamplerSpec(generator=generator, scoring=self.scorer_spec, network=self.task_network)

    def task_network(self, name: str) -> nn.Module | None:
        """A network of the tasks built so far, by its name in checkpoints; None if they have none."""
        return self._task_networks.get(name)

    def scorer_spec(self) -> ScorerSpec:
        """The spec of a scorer; calling this builds the image encoder."""
        return ScorerSpec(words=self.text.dim, image=self.image)

    @property
    def completed_extras(self) -> frozenset[str]:
        """Names of the extras that the generator completes where they are not given."""
        return self.generator.completed_extras if isinstance(self.generator, CompletesExtras) else frozenset()

    @property
    def condition(self) -> int | None:
        """Width of the condition that the generator samples, if it draws one."""
        return self.generator.condition if isinstance(self.generator, SamplesCondition) else None

    @cached_property
    def discriminators(self) -> tuple[Discriminator, ...]:
        builder = self.recipe.discriminator
        if builder is None or self.generator is None:
            return ()
        specs = [
            DiscriminatorSpec(
                image_size=size, sentence=self.text.dim, condition=self.condition, extras=self.extras
            )
            for size in self.generator.image_sizes
        ]
        return tuple(
            self._build(f"discriminator-{spec.image_size}", partial(builder, spec)) for spec in specs
        )

    @cached_property
    def losses(self) -> dict[str, Loss]:
        return {name: self.build_loss(name) for name in self.recipe.losses}

    def build_loss(self, name: str) -> Loss:
        """Build one of the recipe's losses, which `losses` has all of."""
        return self._build(f"loss-{name}", partial(self.recipe.losses[name], self.loss_spec))

    @property
    def unconditional(self) -> bool:
        """Whether every discriminator can classify images without a prompt."""
        return all(discriminator.unconditional for discriminator in self.discriminators)

    @property
    def loss_spec(self) -> LossSpec:
        """The spec of the recipe's losses: what they train."""
        return LossSpec(
            words=self.text.dim,
            vocabulary_size=self.tokenizer.vocabulary_size,
            image_sizes=() if self.generator is None else self.generator.image_sizes,
            condition=self.condition,
            unconditional=self.unconditional,
            extras=self.extras,
            image_encoder=self.recipe.image is not None,
        )

    @cached_property
    def measuring_tokenizer(self) -> Tokenizer:
        """The tokenizer for evaluation, which truncates captions to `evaluation.max_words`."""
        options = self.recipe.evaluation
        if options.max_words is None:
            return self.tokenizer
        return ShortenedTokenizer(
            self.tokenizer, max_words=options.max_words, seed=options.seed, truncate=options.truncate
        )

    def dataset(self, split: str, *, image_size: int | None = None) -> Dataset:
        """One split of the recipe's data, by default at the size of the largest images."""
        return self.datasets.open(split, image_size=image_size or self.image_size)

    def task_spec(self, needs: frozenset[str]) -> TaskSpec:
        """The spec of a task; only the parts that it needs are built."""
        return TaskSpec(
            text=self.text,
            image=self.image,
            generator=self.generator if "generator" in needs else None,
            discriminators=self.discriminators if "discriminators" in needs else (),
            losses=self.losses if "losses" in needs else {},
            engine=self.engine,
            classes=self.datasets.training_classes(),
            extras=self.extras,
        )

    def task(self, name: str, build: Build[Task]) -> Task:
        """The task of a phase; its children are seeded by their names and moved, as the recipe's parts are.

        Args:
            name: Name of the phase.
            build: Builds the task.

        Raises:
            SkippedPartError: the task was skipped, because it cannot be loaded on this machine.
        """
        if isinstance(build, SkippedPart):
            build()
        spec = self.task_spec(class_of(build).needs)
        if isinstance(build, Builder):
            children = {
                key: self._placed(build.options.get(key, option.default), f"{name}-{key}")
                for key, option in options_of(build.target).items()
                if has_slots(option.shape)
            }
            build = replace(build, options={**build.options, **children})
        task: Task = build(spec)
        self._task_networks.update(task.networks())
        return task

    def _placed(self, child: Any, name: str) -> Any:
        """What builds a child, or several, so that they are built as parts of this name."""
        match child:
            case list() | tuple():
                return type(child)(self._placed(item, f"{name}-{n}") for n, item in enumerate(child))
            case dict():
                return {key: self._placed(item, f"{name}-{key}") for key, item in child.items()}
            case _ if callable(child):
                return lambda *spec: self._build(name, partial(child, *spec))
        return child

    def _compiled(self, part: Part) -> Part:
        """The part, whose forward pass the engine may compile."""
        if self.engine is not None and isinstance(part, nn.Module) and self.device.type != "meta":
            self.engine.compile(part)
        return part

    def _build(self, name: str, make: Callable[[], Part]) -> Part:
        # Weights are initialised on the CPU, to be the same on every device; the meta device has none.
        build_device = torch.device("meta" if self.device.type == "meta" else "cpu")
        with torch.random.fork_rng(), build_device:
            torch.manual_seed(derive_seed(self.recipe.training.seed, "weights", name))
            part = make()
        if not isinstance(part, nn.Module):
            return part
        moved = part.to(self.device)
        return moved if self.engine is None else self.engine.arranged(moved)
