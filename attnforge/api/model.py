"""A trained run that is called with captions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attnforge.api import arguments
from attnforge.api.declared import declarations, declarations_of, plugins_with
from attnforge.api.images import GeneratedImages, SwappedImages
from attnforge.api.recipes import Values, read_overrides
from attnforge.sampling.pipeline import Pipeline
from attnforge.sampling.swapping import Swaps, swapped_captions
from attnforge.sampling.walking import Walk


def load(
    run: str | os.PathLike[str],
    *,
    checkpoint: str | None = None,
    device: str = "auto",
    overrides: Values = (),
    components: Sequence[type] = (),
) -> Model:
    """Load the generator of a trained run: `attnforge.load("runs/birds")("a red bird", n=8, seed=1)`.

    Args:
        run: The run folder, one of its checkpoints, `RUN@best`, or a folder of `attnforge export`.
        checkpoint: Name of a checkpoint, such as `gan-0001000`; by default the newest with a generator.
        device: Where to compute; `auto` uses a GPU if there is one.
        overrides: How images are generated, where not as the recipe says: values by dotted key, or
            `KEY=VALUE` each, below `sampling`.
        components: The classes of the run that `attnforge.component` declared.

    Raises:
        RunError: the run is missing, or has no such checkpoint, or none with a generator yet.
        RecipeError: generating needs a plugin that is not installed, or an override is invalid.
    """
    place = arguments.path("run", run, expected="the path of a run, a checkpoint or an exported folder")
    name = arguments.checkpoint(checkpoint)
    plugins = plugins_with([*declarations_of(components), *declarations(overrides)])
    changes = read_overrides(overrides, plugins=plugins)
    return Model(Pipeline.load(place, device=device, checkpoint=name, overrides=changes, plugins=plugins))


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded run. It may be called from several threads: images are the same as from one."""

    pipeline: Pipeline

    def __call__(
        self, captions: str | Sequence[str], *, n: int = 1, seed: int = 1, **extras: Any
    ) -> GeneratedImages:
        """Generate `n` images of a caption, or of each of several.

        An image depends on its caption, the extras, the seed and its number alone. No global random state is
        used or changed. Images have the attention maps of the generator, if it has any.

        Args:
            captions: What the images show.
            n: Images of each caption.
            seed: Seed of the noise.
            extras: What the model needs besides, by name: `model("a red bird", box=[0.1, 0.2, 0.5, 0.6])`.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing.
        """
        return self._generate(captions, n, seed, extras, regions=False)

    def attend(
        self, captions: str | Sequence[str], *, n: int = 1, seed: int = 1, **extras: Any
    ) -> GeneratedImages:
        """Generate the same images, also with the regions that the run's matching finds for each word.

        Generators without attention get maps too, if the recipe matches words with regions. The first call
        loads the image encoder, which may take seconds.

        Args:
            captions: What the images show.
            n: Images of each caption.
            seed: Seed of the noise.
            extras: What the model needs besides captions, by name.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing.
        """
        return self._generate(captions, n, seed, extras, regions=True)

    def swap(
        self,
        caption: str,
        swaps: Swaps | None = None,
        *,
        n: int = 4,
        seed: int = 1,
        regions: bool = False,
        **swaps_and_extras: Any,
    ) -> SwappedImages:
        """Generate images of a caption, and of the caption with words swapped, from the same noise.

        `model.swap("a red bird with white wings", red="blue", white="black")` returns three rows of images:
        of the caption, of "a blue bird with white wings", and of "a blue bird with black wings". See
        `attnforge.sampling.swapping.swapped_captions`.

        Args:
            caption: What the first images show.
            swaps: What replaces which word, in order; for words that cannot be keywords.
            n: Images of each caption; image k of each has noise k of the seed.
            seed: Seed of the noise.
            regions: Whether images also have the regions that the run's matching finds for each word.
            swaps_and_extras: Further swaps, whose values are words; and what the model needs besides
                captions, whose values are numbers.

        Raises:
            AttnforgeError: a swap cannot be made, or an extra is missing.
        """
        original = arguments.text("caption", caption, expected="a caption")
        pairs = _pairs(swaps)
        pairs += [(word, new) for word, new in swaps_and_extras.items() if isinstance(new, str)]
        extras = {name: value for name, value in swaps_and_extras.items() if not isinstance(value, str)}
        captions = swapped_captions(original, pairs, self.pipeline.parts.tokenizer)
        images = self._generate(captions, n, seed, extras, regions=regions)
        return SwappedImages(images[first : first + n] for first in range(0, len(images), n))

    def walk(
        self,
        first: str,
        last: str | None = None,
        *,
        steps: int = 8,
        seed: int = 1,
        last_seed: int | None = None,
        **extras: Any,
    ) -> GeneratedImages:
        """Generate images on the way from one caption to another, from one noise to another, or both.

        The first image is that of `model(first, seed=seed)`, the last that of `model(last, seed=last_seed)`;
        see `attnforge.sampling.walking.Walk`.

        Args:
            first: The caption of the first image.
            last: The caption of the last image; by default the same.
            steps: The number of images, from 2 on.
            seed: Seed of the first image's noise.
            last_seed: Seed of the last image's noise; by default the same.
            extras: What the model needs besides captions, by name.

        Raises:
            AttnforgeError: a caption has no word that the vocabulary knows, or an extra is missing, or there
                are fewer than two steps.
        """
        walk = Walk(
            arguments.text("first", first, expected="a caption"),
            arguments.text("last", first if last is None else last, expected="a caption"),
            arguments.whole("seed", seed, least=0),
            arguments.whole("last_seed", seed if last_seed is None else last_seed, least=0),
            arguments.whole("steps", steps),
        )
        return GeneratedImages(self.pipeline.walk(walk, extras=extras))

    def unknown_words(self, captions: str | Sequence[str]) -> list[str]:
        """Words of the captions that the vocabulary lacks, and which are ignored."""
        return self.pipeline.unknown_words(arguments.captions("captions", captions))

    def __repr__(self) -> str:
        pipeline = self.pipeline
        sizes = ", ".join(map(str, pipeline.generator.image_sizes))
        return (
            f"Model({str(pipeline.run.path)!r}, checkpoint {pipeline.checkpoint.folder.name}, "
            f"images of {sizes} pixels, on {pipeline.parts.device})"
        )

    def _generate(
        self,
        captions: str | Sequence[str],
        count: int,
        seed: int,
        extras: Mapping[str, Any],
        *,
        regions: bool,
    ) -> GeneratedImages:
        return GeneratedImages(
            self.pipeline.generate_each(
                arguments.captions("captions", captions),
                count=arguments.whole("n", count, least=1),
                seed=arguments.whole("seed", seed, least=0),
                attention=True,
                regions=regions,
                extras=extras,
            )
        )


def _pairs(swaps: Swaps | None) -> list[tuple[str, str]]:
    """What replaces which word.

    Raises:
        AttnforgeError: `bad-argument`: they are not pairs of texts.
    """
    expected = "a dictionary such as {'red': 'blue'}, or a list of pairs of words"
    items = list(swaps.items()) if isinstance(swaps, Mapping) else () if swaps is None else swaps
    pairs = []
    for number, item in enumerate(arguments.several("swaps", items, expected=expected)):
        if not (isinstance(item, tuple | list) and len(item) == 2 and all(isinstance(x, str) for x in item)):
            raise arguments.refused(f"swaps[{number}]", item, expected)
        pairs.append((str(item[0]), str(item[1])))
    return pairs
