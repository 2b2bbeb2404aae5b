"""Samples of a run: images of fixed captions and fixed noise, generated during training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.build.parts import Parts
from attnforge.data.extras import extras_of, read_extras
from attnforge.evaluate.measure import choose_captions
from attnforge.interfaces import Generator
from attnforge.names import step_name
from attnforge.run.folder import RunFolder
from attnforge.run.generating import generate_each


@dataclass(frozen=True, slots=True)
class FixedSamples:
    """The fixed captions; their images are written to samples/<phase>-<step>/<number>.png."""

    captions: tuple[str, ...]
    extras: Mapping[str, Float[Tensor, "b *shape"]]
    """What the image of each caption is to show besides, by name."""
    parts: Parts
    run: RunFolder

    @classmethod
    def choose(cls, parts: Parts, run: RunFolder) -> FixedSamples:
        """The recipe's captions, or captions of the test split; the same for the whole run."""
        options = parts.recipe.sampling
        captions, extras = sampled_captions(parts, count=options.count)
        run.write_json(
            "samples/captions.json",
            [{"caption": caption, "index": index} for index, caption in enumerate(captions)],
        )
        return cls(captions=captions, extras=extras, parts=parts, run=run)

    def write(self, generator: nn.Module, *, phase: str, step: int) -> list[str]:
        """Generate the images and return their paths."""
        folder = self.run.samples / step_name(phase, step)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        generated = generate_each(
            self.parts.text,
            cast("Generator", generator),
            self.parts.tokenizer,
            self.captions,
            seed=self.parts.recipe.sampling.seed,
            extras=self.extras,
            device=self.parts.device,
        )
        for number, sample in enumerate(generated):
            path = folder / f"{number:02d}.png"
            sample.save(path)
            paths.append(str(path))
        return paths


def sampled_captions(parts: Parts, *, count: int) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    """The captions that a recipe samples, at most `count` if they come from the test split, and their extras.

    Raises:
        AttnforgeError: extras are missing or have other shapes.
        DataError: the test split is missing or malformed.
    """
    options = parts.recipe.sampling
    if options.captions:
        extras = read_extras(
            parts.extras, options.extras, captions=len(options.captions), how="sampling.extras.NAME=[...]"
        )
        return options.captions, extras
    data = parts.dataset("test")
    chosen = choose_captions(data, count=count, seed=options.seed, parts=parts)
    captions = tuple(choice.caption for choice in chosen)
    return captions, extras_of(data, [choice.image for choice in chosen])
