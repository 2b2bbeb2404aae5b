"""A trained run as one object: captions in, drawings out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Generator
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.schema import Recipe
from attnforge.run.draw import draw_each
from attnforge.run.drawing import Drawing
from attnforge.run.folder import RunFolder
from attnforge.run.region_maps import RegionMaps
from attnforge.train.checkpoints import NAME, Checkpoint, latest_checkpoint, open_checkpoint
from attnforge.train.device import choose_device


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that drawing needs, in evaluation mode, loaded from a run's newest checkpoint."""

    run: RunFolder
    recipe: Recipe
    parts: Parts
    generator: Generator
    checkpoint: Checkpoint
    regions: RegionMaps | None = None
    """Finds words in pictures; None where the recipe matches no words with regions."""

    @classmethod
    def load(
        cls,
        run: Path,
        *,
        device: str = "auto",
        checkpoint: str | None = None,
        resolved: ResolvedRecipe | None = None,
    ) -> Pipeline:
        """Load a run.

        Args:
            run: The run folder.
            device: Where to compute; `auto` takes a GPU where there is one.
            checkpoint: Name of a checkpoint; the newest with a generator when not given.
            resolved: The run's recipe where parts that are no weights were overridden; else its own.

        Raises:
            RunError: there is no run, or it has no such checkpoint, or none of a generator yet.
            RecipeError: its recipe needs a plugin that is not installed.
        """
        folder = RunFolder.open(run)
        recipe = assemble(resolved or resolve(folder.lock))
        chosen = _named(folder, recipe, checkpoint) if checkpoint else _newest_with_generator(folder, recipe)
        tokenizer = recipe.tokenizer()
        chosen.load_tokenizer(tokenizer)
        parts = Parts(recipe, tokenizer=tokenizer, device=choose_device(device))
        with warnings.catch_warnings():
            # what a part says of its first weights does not hold: they are replaced by the checkpoint's
            warnings.simplefilter("ignore")
            generator = cast("nn.Module", parts.generator)
            networks = (parts.text, parts.image, generator)
            regions = RegionMaps.of(parts)
        for network in networks:
            cast("nn.Module", network).eval().requires_grad_(False)
        pipeline = cls(
            run=folder,
            recipe=recipe,
            parts=parts,
            generator=cast("Generator", generator),
            checkpoint=chosen,
            regions=regions,
        )
        return pipeline.with_checkpoint(chosen)

    def with_checkpoint(self, checkpoint: Checkpoint) -> Pipeline:
        """The same networks with the weights of another checkpoint of the run; this one has them too then."""
        networks = (
            ("text", self.parts.text),
            ("image", self.parts.image),
            (drawing_name(checkpoint), self.generator),
        )
        for name, network in networks:
            checkpoint.load_network(name, cast("nn.Module", network))
        return replace(self, checkpoint=checkpoint)

    def draw(
        self, captions: Sequence[str], *, count: int = 1, seed: int = 1, attention: bool = False
    ) -> list[Drawing]:
        """Draw every caption `count` times; see `attnforge.run.draw.draw`.

        With `attention`, drawings have the maps of the stages that attend, and the regions of the largest
        picture that each word picks where the run's matching can say so.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows.
        """
        return list(self.draw_each(captions, count=count, seed=seed, attention=attention))

    def draw_each(
        self, captions: Sequence[str], *, count: int = 1, seed: int = 1, attention: bool = False
    ) -> Iterator[Drawing]:
        """The drawings of `draw` one after another, so that none need be kept.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows.
        """
        return draw_each(
            self.parts.text,
            self.generator,
            self.parts.tokenizer,
            captions,
            count=count,
            seed=seed,
            attention=attention,
            regions=self.regions if attention else None,
            device=self.parts.device,
        )

    def unknown_words(self, captions: Sequence[str]) -> list[str]:
        """Words of the captions that the vocabulary lacks and drawing leaves out."""
        return sorted({word for caption in captions for word in self.parts.tokenizer.unknown(caption)})


def generator_checkpoints(folder: RunFolder, recipe: Recipe) -> list[Checkpoint]:
    """The checkpoints that hold a generator and are whole, in the order of training."""
    found = []
    for phase in recipe.phases:
        for path in sorted(folder.checkpoints.glob(f"{phase}-*")):
            match = NAME.fullmatch(path.name)
            checkpoint = open_checkpoint(path) if match and match["phase"] == phase else None
            if checkpoint is not None and "generator" in checkpoint.networks():
                found.append(checkpoint)
    return sorted(found, key=lambda one: (list(recipe.phases).index(one.phase), one.step))


def drawing_name(checkpoint: Checkpoint) -> str:
    """Which of a checkpoint's networks draws."""
    # the averaged weights draw better pictures and are what the official code publishes
    return "generator-average" if "generator-average" in checkpoint.networks() else "generator"


def _named(folder: RunFolder, recipe: Recipe, name: str) -> Checkpoint:
    whole = generator_checkpoints(folder, recipe)
    for checkpoint in whole:
        if checkpoint.folder.name == name:
            return checkpoint
    names = [checkpoint.folder.name for checkpoint in whole]
    raise RunError(
        Problem(
            code="no-such-checkpoint",
            message=f"run {folder.path} has no whole checkpoint {name!r} with a generator",
            expected=f"one of {', '.join(names)}" if names else "a run whose generator was saved",
            next_step=f"ls {folder.checkpoints}",
        )
    )


def _newest_with_generator(folder: RunFolder, recipe: Recipe) -> Checkpoint:
    for phase in reversed(list(recipe.phases)):
        checkpoint = latest_checkpoint(folder.checkpoints, phase=phase)
        if checkpoint is not None and "generator" in checkpoint.networks():
            return checkpoint
    if recipe.generator is None:
        raise RunError(
            Problem(
                code="no-generator-yet",
                message=f"run {folder.path} trains encoders and draws nothing",
                expected="a run of a recipe with a generator, which can take these encoders",
                next_step=f"attnforge train RECIPE encoders={folder.path}",
            )
        )
    raise RunError(
        Problem(
            code="no-generator-yet",
            message=f"run {folder.path} has no whole checkpoint of a generator",
            expected="a run whose adversarial phase has saved at least once",
            next_step=f"attnforge train --resume {folder.path}",
        )
    )
