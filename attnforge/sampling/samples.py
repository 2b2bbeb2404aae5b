"""Samples of a run: images of fixed captions and fixed noise, generated during training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from attnforge.build.parts import Parts
from attnforge.data.choosing import choose_captions
from attnforge.data.extras import extras_of, read_extras, refuse_wrong_places
from attnforge.errors import AttnforgeError, Problem
from attnforge.names import step_name
from attnforge.sampling.generating import generate_each, sampler_of
from attnforge.storage.folder import RunFolder


@dataclass(frozen=True, slots=True)
class SampledCaptions:
    """The captions that a recipe samples."""

    captions: tuple[str, ...]
    extras: Mapping[str, Float[Tensor, "b *shape"]]
    """What the image of each caption is to show besides, by name."""
    images: tuple[int, ...] = ()
    """The image of the test split that each caption is of; empty if the recipe lists captions."""


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
        options = parts.recipe.samples
        chosen = sampled_captions(parts, count=options.count)
        run.write_json(
            "samples/captions.json",
            [{"caption": caption, "index": index} for index, caption in enumerate(chosen.captions)],
        )
        return cls(captions=chosen.captions, extras=chosen.extras, parts=parts, run=run)

    def write(self, generator: nn.Module, *, phase: str, step: int) -> list[str]:
        """Generate the images and return their paths."""
        folder = self.run.samples / step_name(phase, step)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        generated = generate_each(
            self.parts.text,
            sampler_of(self.parts, generator),
            self.parts.tokenizer,
            self.captions,
            seed=self.parts.recipe.samples.seed,
            extras=self.extras,
            device=self.parts.device,
        )
        for number, sample in enumerate(generated):
            path = folder / f"{number:02d}.png"
            sample.image.save(path)
            paths.append(str(path))
        return paths


def sampled_captions(parts: Parts, *, count: int) -> SampledCaptions:
    """The captions that a recipe samples, at most `count` if they come from the test split.

    Raises:
        AttnforgeError: extras are missing or have other shapes.
        DataError: the test split is missing or malformed, or its boxes or key points are not in their images.
    """
    options = parts.recipe.samples
    if options.captions:
        how = "attnforge train RECIPE samples.extras.NAME=[NUMBERS]"
        extras = read_extras(
            parts.extras,
            options.extras,
            captions=len(options.captions),
            how=how,
            completed=parts.completed_extras,
        )
        return SampledCaptions(options.captions, extras)
    if options.extras:
        message = "`samples.extras` belongs to `samples.captions`, which is empty"
        expected = "captions for these extras, or neither: captions of the test split come with their own"
        raise AttnforgeError(Problem("bad-extra", message, expected=expected))
    data = parts.dataset("test")
    chosen = choose_captions(data, count=count, seed=options.seed, tokenizer=parts.tokenizer)
    images = tuple(choice.image for choice in chosen)
    extras = extras_of(data, images)
    refuse_wrong_places(extras)
    return SampledCaptions(tuple(choice.caption for choice in chosen), extras, images)
