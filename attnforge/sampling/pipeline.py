"""A trained run as one object: captions in, images out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from attnforge.build.assemble import assemble
from attnforge.compute.device import choose_device
from attnforge.data.extras import read_extras
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Build, Generator, Sampler
from attnforge.plugin import PluginCatalogue
from attnforge.recipe import ResolvedRecipe
from attnforge.recipe.needed import GENERATING, resolve_needed
from attnforge.recipe.override import Overrides, refuse_trained_keys
from attnforge.recipe.schema import Recipe
from attnforge.sampling.generated import GeneratedImage
from attnforge.sampling.generating import generate_each, generate_walk, sampler_of
from attnforge.sampling.region_maps import RegionMaps
from attnforge.sampling.saved_parts import SavedParts
from attnforge.sampling.walking import Walk
from attnforge.storage.alone import read_alone
from attnforge.storage.checkpoints.checkpoint import Checkpoint
from attnforge.storage.checkpoints.search import (
    Damage,
    every_checkpoint,
    held,
    newest_checkpoint,
    read_checkpoint,
    saved_folders,
)
from attnforge.storage.folder import RunFolder
from attnforge.storage.intact import intact_lock, no_intact_checkpoint
from attnforge.storage.locating import locate_run
from attnforge.train.progress import warn_on_stderr

GENERATOR = frozenset({"generator"})
GIVING = "attnforge sample RUN CAPTION --with NAME=NUMBERS"
"""The command that gives extras."""


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
        run: str | os.PathLike[str],
        *,
        device: str = "auto",
        checkpoint: str | None = None,
        overrides: Overrides = (),
        resolved: ResolvedRecipe | None = None,
        plugins: PluginCatalogue | None = None,
        warn: Callable[[str], None] = warn_on_stderr,
    ) -> Pipeline:
        """Load a run.

        Parts that only training or measuring needs may be missing on this machine.

        Args:
            run: The run folder, one of its checkpoints, or a checkpoint alone, such as an export.
            device: Where to compute; `auto` uses a GPU if there is one.
            checkpoint: Name of a checkpoint; by default that of the path, or the newest with a generator.
            overrides: How images are generated, where not as the recipe says: `KEY=VALUE` each, such as
                `sampling={use: noise, truncation: 2}`.
            resolved: The run's recipe with overrides that do not affect weights, instead of `overrides`.
            plugins: Plugins that provide components; by default the installed ones.
            warn: Called for every checkpoint that is skipped, and for parts that cannot be loaded.

        Raises:
            RunError: the run is missing, or it has no such checkpoint, or none with a generator yet.
            RecipeError: generating needs a plugin that is not installed, or an override is invalid or of
                something that the weights were trained with.
        """
        refuse_trained_keys(overrides, sections=("sampling",), expected="a key of `sampling`")
        generating = partial(
            resolve_needed, needed=GENERATING, overrides=overrides, plugins=plugins, warn=warn
        )
        path = Path(run)
        alone = read_alone(path) if checkpoint is None else None
        if alone is not None:
            folder, loaded = RunFolder(path), alone
            recipe = assemble(resolved or generating(alone.lock))
        else:
            location = locate_run(path)
            folder = location.run
            recipe = assemble(resolved or generating(intact_lock(folder, warn=warn)))
            name = location.checkpoint if checkpoint is None else checkpoint
            if name is not None:
                loaded = _read_checkpoint(folder, recipe, name)
            else:
                loaded = _newest_with_generator(folder, recipe, warn)
        tokenizer = recipe.tokenizer()
        loaded.load_tokenizer(tokenizer)
        parts = SavedParts(
            recipe, tokenizer=tokenizer, device=choose_device(device), checkpoint=loaded, warn=warn
        )
        return cls(
            run=folder,
            recipe=recipe,
            parts=parts,
            generator=cast("Generator", parts.generator),
            checkpoint=loaded,
        )

    @property
    def regions(self) -> RegionMaps | None:
        """Finds words in images; None when the recipe does not match words with regions."""
        return self.parts.regions

    def with_checkpoint(self, checkpoint: Checkpoint) -> Pipeline:
        """Load another checkpoint of the run into the same networks, which this pipeline shares."""
        self.parts.load(checkpoint)
        return replace(self, checkpoint=checkpoint)

    def with_sampling(self, sampling: Build[Sampler]) -> Pipeline:
        """The same networks, asked for images in another way than the recipe's."""
        parts = copy(self.parts)
        parts.recipe = replace(self.recipe, sampling=sampling)
        return replace(self, recipe=parts.recipe, parts=parts)

    def generate(
        self,
        captions: str | Sequence[str],
        *,
        count: int = 1,
        seed: int = 1,
        attention: bool = False,
        regions: bool = True,
        extras: Mapping[str, Any] | None = None,
    ) -> list[GeneratedImage]:
        """Generate `count` images of every caption; see `attnforge.sampling.generating.generate_each`.

        With `attention`, images have the maps of the stages with attention and, when the recipe matches words
        with regions, the attention of each word over regions of the largest image.

        Args:
            captions: What the images show.
            count: Images of each caption.
            seed: Seed of the noise.
            attention: Whether images have attention maps.
            regions: Whether, with `attention`, images have the regions of the matching too.
            extras: What the model needs besides captions, by name: one value for all, or one for each.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing.
        """
        return list(
            self.generate_each(
                captions, count=count, seed=seed, attention=attention, regions=regions, extras=extras
            )
        )

    def generate_each(
        self,
        captions: str | Sequence[str],
        *,
        count: int = 1,
        seed: int = 1,
        attention: bool = False,
        regions: bool = True,
        extras: Mapping[str, Any] | None = None,
    ) -> Iterator[GeneratedImage]:
        """The images of `generate` one after another, without keeping them.

        Args:
            captions: What the images show.
            count: Images of each caption.
            seed: Seed of the noise.
            attention: Whether images have attention maps.
            regions: Whether, with `attention`, images have the regions of the matching too.
            extras: What the model needs besides captions, by name: one value for all, or one for each.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing.
        """
        captions = _texts(captions)
        return generate_each(
            self.parts.text,
            sampler_of(self.parts, cast("nn.Module", self.generator)),
            self.parts.tokenizer,
            captions,
            count=count,
            seed=seed,
            attention=attention,
            regions=self.regions if attention and regions else None,
            extras=self._extras(extras, captions=len(captions)),
            device=self.parts.device,
        )

    def walk(self, walk: Walk, *, extras: Mapping[str, Any] | None = None) -> Iterator[GeneratedImage]:
        """The images of a walk between two captions and noises, one after another.

        Args:
            walk: The captions, seeds and number of images.
            extras: What the model needs besides captions, by name: one value for all.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing.
        """
        return generate_walk(
            self.parts.text,
            sampler_of(self.parts, cast("nn.Module", self.generator)),
            self.parts.tokenizer,
            walk,
            extras=self._extras(extras, captions=1),
            device=self.parts.device,
        )

    def _extras(self, values: Mapping[str, Any] | None, *, captions: int) -> dict[str, Tensor]:
        """What images are to show besides captions, checked: a row for each caption."""
        completed = self.parts.completed_extras
        return read_extras(
            self.parts.extras, values or {}, captions=captions, how=GIVING, completed=completed
        )

    def unknown_words(self, captions: str | Sequence[str]) -> list[str]:
        """Words of the captions that the vocabulary lacks, and which are ignored."""
        return sorted(
            {word for caption in _texts(captions) for word in self.parts.tokenizer.unknown(caption)}
        )


def _texts(captions: str | Sequence[str]) -> Sequence[str]:
    return [captions] if isinstance(captions, str) else captions


def generator_checkpoints(
    folder: RunFolder, recipe: Recipe, *, warn: Callable[[str], None] = warn_on_stderr
) -> list[Checkpoint]:
    """The intact checkpoints that hold a generator, in the order of training."""
    phases = list(recipe.phases)
    intact, damaged = every_checkpoint(folder.checkpoints, phases=phases, holding=GENERATOR)
    for damage in damaged:
        warn(f"skipping checkpoint {damage}")
    return intact


def _read_checkpoint(folder: RunFolder, recipe: Recipe, name: str) -> Checkpoint:
    saved = {path.name: path for path in saved_folders(folder.checkpoints)}
    checkpoint = read_checkpoint(saved[name]) if name in saved else None
    if isinstance(checkpoint, Checkpoint) and held(checkpoint.manifest) >= GENERATOR:
        return checkpoint
    intact, _ = every_checkpoint(folder.checkpoints, phases=list(recipe.phases), holding=GENERATOR)
    names = [checkpoint.folder.name for checkpoint in intact]
    if isinstance(checkpoint, Damage):
        code, message = "checkpoint-damaged", str(checkpoint)
    elif checkpoint is not None:
        code, message = "no-such-checkpoint", f"checkpoint {checkpoint.folder} has no generator"
    else:
        code, message = "no-such-checkpoint", f"run {folder.path} has no checkpoint {name!r}"
    raise RunError(
        Problem(
            code=code,
            message=message,
            expected=f"one of {', '.join(names)}" if names else "a run that has saved a generator",
            next_step=f"ls {folder.checkpoints}",
        )
    )


def _newest_with_generator(folder: RunFolder, recipe: Recipe, warn: Callable[[str], None]) -> Checkpoint:
    search = newest_checkpoint(folder.checkpoints, phases=list(recipe.phases), holding=GENERATOR)
    for damage in search.passed_over:
        warn(f"skipping checkpoint {damage}")
    if search.checkpoint is not None:
        return search.checkpoint
    if recipe.generator is None or _is_whole(folder, recipe):
        raise RunError(
            Problem(
                code="no-generator-yet",
                message=f"run {folder.path} trains only encoders, so it has no generator",
                expected="a run of a recipe with a generator, which can use these encoders",
                next_step=f"attnforge train RECIPE pretrained.encoders={folder.path}",
            )
        )
    if search.passed_over:
        raise RunError(no_intact_checkpoint(folder, search.passed_over))
    raise RunError(
        Problem(
            code="no-generator-yet",
            message=f"run {folder.path} has no checkpoint with a generator",
            expected="a run whose adversarial phase has saved a checkpoint",
            next_step=f"attnforge train --resume {folder.path}",
        )
    )


def _is_whole(folder: RunFolder, recipe: Recipe) -> bool:
    """Whether the last phase has saved its last step, so that resuming adds no generator."""
    newest = newest_checkpoint(folder.checkpoints, phases=list(recipe.phases)).checkpoint
    name, phase = list(recipe.phases.items())[-1]
    return newest is not None and newest.phase == name and newest.step == phase.steps
