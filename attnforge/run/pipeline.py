"""A trained run as one object: captions in, drawings out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch import nn

from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.errors import Problem, RunError
from attnforge.interfaces import Generator
from attnforge.recipe import resolve
from attnforge.recipe.schema import Recipe
from attnforge.run.draw import draw
from attnforge.run.drawing import Drawing
from attnforge.run.folder import RunFolder
from attnforge.train.checkpoints import Checkpoint, latest_checkpoint
from attnforge.train.device import choose_device


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that drawing needs, in evaluation mode, loaded from a run's newest checkpoint."""

    run: RunFolder
    recipe: Recipe
    parts: Parts
    generator: Generator
    checkpoint: Checkpoint

    @classmethod
    def load(cls, run: Path, *, device: str = "auto") -> Pipeline:
        """Load a run.

        Raises:
            RunError: there is no run, or it has no whole checkpoint of a generator yet.
            RecipeError: its recipe needs a plugin that is not installed.
        """
        folder = RunFolder.open(run)
        recipe = assemble(resolve(folder.lock))
        checkpoint = _newest_with_generator(folder, recipe)
        tokenizer = recipe.tokenizer()
        tokenizer.load_state(checkpoint.tokenizer_state())
        parts = Parts(recipe, tokenizer=tokenizer, device=choose_device(device))
        with warnings.catch_warnings():
            # what a part says of its first weights does not hold: they are replaced by the checkpoint's
            warnings.simplefilter("ignore")
            generator = cast("nn.Module", parts.generator)
            networks = (("text", parts.text), ("image", parts.image), (_drawing(checkpoint), generator))
        for name, network in networks:
            checkpoint.load_network(name, cast("nn.Module", network))
            cast("nn.Module", network).eval().requires_grad_(False)
        return cls(
            run=folder,
            recipe=recipe,
            parts=parts,
            generator=cast("Generator", generator),
            checkpoint=checkpoint,
        )

    def draw(
        self, captions: Sequence[str], *, count: int = 1, seed: int = 1, attention: bool = False
    ) -> list[Drawing]:
        """Draw every caption `count` times; see `attnforge.run.draw.draw`.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows.
        """
        return draw(
            self.parts.text,
            self.generator,
            self.parts.tokenizer,
            captions,
            count=count,
            seed=seed,
            attention=attention,
            device=self.parts.device,
        )

    def unknown_words(self, captions: Sequence[str]) -> list[str]:
        """Words of the captions that the vocabulary lacks and drawing leaves out."""
        return sorted({word for caption in captions for word in self.parts.tokenizer.unknown(caption)})


def _newest_with_generator(folder: RunFolder, recipe: Recipe) -> Checkpoint:
    for phase in reversed(list(recipe.phases)):
        checkpoint = latest_checkpoint(folder.checkpoints, phase=phase)
        if checkpoint is not None and "generator" in checkpoint.networks():
            return checkpoint
    raise RunError(
        Problem(
            code="no-generator-yet",
            message=f"run {folder.path} has no whole checkpoint of a generator",
            expected="a run whose adversarial phase has saved at least once",
            next_step=f"attnforge train --resume {folder.path}",
        )
    )


def _drawing(checkpoint: Checkpoint) -> str:
    # the averaged weights draw better pictures and are what the official code publishes
    return "generator-average" if "generator-average" in checkpoint.networks() else "generator"
