"""A trained run as one object: captions in, images out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from attnforge.build import assemble
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Generator
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.recipe.schema import Recipe
from attnforge.run.folder import RunFolder
from attnforge.run.generated import GeneratedImage
from attnforge.run.generating import generate_each
from attnforge.run.intact import intact_lock
from attnforge.run.locating import locate_run
from attnforge.run.progress import warn_on_stderr
from attnforge.run.region_maps import RegionMaps
from attnforge.run.resuming import no_whole_checkpoint
from attnforge.run.saved_parts import SavedParts
from attnforge.train.checkpoints.checkpoint import Checkpoint
from attnforge.train.checkpoints.search import (
    Damage,
    every_checkpoint,
    newest_checkpoint,
    read_checkpoint,
    saved_folders,
)
from attnforge.train.device import choose_device

GENERATOR = frozenset({"generator"})


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that generating needs, in evaluation mode, loaded from a run's newest checkpoint."""

    run: RunFolder
    recipe: Recipe
    parts: SavedParts
    generator: Generator
    checkpoint: Checkpoint

    @classmethod
    def load(
        cls,
        run: Path,
        *,
        device: str = "auto",
        checkpoint: str | None = None,
        resolved: ResolvedRecipe | None = None,
        warn: Callable[[str], None] = warn_on_stderr,
    ) -> Pipeline:
        """Load a run.

        Args:
            run: The run folder, or one of its checkpoints.
            device: Where to compute; `auto` takes a GPU where there is one.
            checkpoint: Name of a checkpoint; the newest with a generator when neither this nor the path names
                one.
            resolved: The run's recipe where parts that are no weights were overridden; else its own.
            warn: Told of every checkpoint that is passed over.

        Raises:
            RunError: there is no run, or it has no such checkpoint, or none of a generator yet.
            RecipeError: its recipe needs a plugin that is not installed.
        """
        location = locate_run(run)
        folder = location.run
        recipe = assemble(resolved or resolve(intact_lock(folder, warn=warn)))
        name = checkpoint or location.checkpoint
        chosen = _named(folder, recipe, name) if name else _newest_with_generator(folder, recipe, warn)
        tokenizer = recipe.tokenizer()
        chosen.load_tokenizer(tokenizer)
        parts = SavedParts(recipe, tokenizer=tokenizer, device=choose_device(device), checkpoint=chosen)
        return cls(
            run=folder,
            recipe=recipe,
            parts=parts,
            generator=cast("Generator", parts.generator),
            checkpoint=chosen,
        )

    @property
    def regions(self) -> RegionMaps | None:
        """Finds words in images; None where the recipe matches no words with regions."""
        return self.parts.regions

    def with_checkpoint(self, checkpoint: Checkpoint) -> Pipeline:
        """The same networks with the weights of another checkpoint of the run; this one has them too then."""
        self.parts.load(checkpoint)
        return replace(self, checkpoint=checkpoint)

    def generate(
        self, captions: Sequence[str], *, count: int = 1, seed: int = 1, attention: bool = False
    ) -> list[GeneratedImage]:
        """Generate `count` images of every caption; see `attnforge.run.generating.generate_each`.

        With `attention`, images have the maps of the stages that attend, and the regions of the largest
        image that each word picks where the run's matching can say so.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows.
        """
        return list(self.generate_each(captions, count=count, seed=seed, attention=attention))

    def generate_each(
        self, captions: Sequence[str], *, count: int = 1, seed: int = 1, attention: bool = False
    ) -> Iterator[GeneratedImage]:
        """The images of `generate` one after another, so that none need be kept.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows.
        """
        return generate_each(
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
        """Words of the captions that the vocabulary lacks and generating leaves out."""
        return sorted({word for caption in captions for word in self.parts.tokenizer.unknown(caption)})


def generator_checkpoints(
    folder: RunFolder, recipe: Recipe, *, warn: Callable[[str], None] = warn_on_stderr
) -> list[Checkpoint]:
    """The checkpoints that hold a generator and are whole, in the order of training."""
    phases = list(recipe.phases)
    whole, damaged = every_checkpoint(folder.checkpoints, phases=phases, holding=GENERATOR)
    for damage in damaged:
        warn(f"checkpoint passed over: {damage}")
    return whole


def _named(folder: RunFolder, recipe: Recipe, name: str) -> Checkpoint:
    there = {path.name: path for path in saved_folders(folder.checkpoints)}
    checkpoint = read_checkpoint(there[name]) if name in there else None
    if isinstance(checkpoint, Checkpoint) and set(checkpoint.networks()) >= GENERATOR:
        return checkpoint
    whole, _ = every_checkpoint(folder.checkpoints, phases=list(recipe.phases), holding=GENERATOR)
    names = [one.folder.name for one in whole]
    if isinstance(checkpoint, Damage):
        code, message = "checkpoint-damaged", str(checkpoint)
    elif checkpoint is not None:
        code, message = "no-such-checkpoint", f"checkpoint {checkpoint.folder} holds no generator"
    else:
        code, message = "no-such-checkpoint", f"run {folder.path} has no checkpoint {name!r}"
    raise RunError(
        Problem(
            code=code,
            message=message,
            expected=f"one of {', '.join(names)}" if names else "a run whose generator was saved",
            next_step=f"ls {folder.checkpoints}",
        )
    )


def _newest_with_generator(folder: RunFolder, recipe: Recipe, warn: Callable[[str], None]) -> Checkpoint:
    search = newest_checkpoint(folder.checkpoints, phases=list(recipe.phases), holding=GENERATOR)
    for damage in search.passed_over:
        warn(f"checkpoint passed over: {damage}")
    if search.checkpoint is not None:
        return search.checkpoint
    if recipe.generator is None:
        raise RunError(
            Problem(
                code="no-generator-yet",
                message=f"run {folder.path} trains encoders and generates nothing",
                expected="a run of a recipe with a generator, which can take these encoders",
                next_step=f"attnforge train RECIPE encoders={folder.path}",
            )
        )
    if search.passed_over:
        raise RunError(no_whole_checkpoint(folder, search.passed_over))
    raise RunError(
        Problem(
            code="no-generator-yet",
            message=f"run {folder.path} has no checkpoint of a generator",
            expected="a run whose adversarial phase has saved at least once",
            next_step=f"attnforge train --resume {folder.path}",
        )
    )
