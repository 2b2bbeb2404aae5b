"""The measured workloads: networks, losses and batches of a recipe, without data or trained weights."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any, cast

import torch
from torch import Tensor, nn

from attnforge.adversarial.pyramid import pyramid
from attnforge.build import assemble
from attnforge.build.parts import Parts
from attnforge.compute.engine import Engine
from attnforge.data.feeding.collate import EncodedSamples, pad
from attnforge.plugin.discovery import load_plugins
from attnforge.recipe import resolve
from attnforge.recipe.schema import Phase
from attnforge.specs import TaskSpec

PLUGINS = ("gan", "attngan", "cub", "coco", "folder", "sketch_birds", "metrics")
PARTS = frozenset({"generator", "discriminators", "losses"})
SHORTEST, LONGEST = 8, 18
"""Words per caption, at most the recipe's `max_words`."""
SMALL = (
    *("generator.channels=4", "generator.base_size=16", "discriminator.channels=4"),
    *("text.dim=16", "text.embedding=16"),
)
"""Small widths, to check that everything runs. `quickstart` is small enough already."""
SMALL_IMAGE = (
    "image={use: timm, model: resnet10t, stage: 2, model_options: {channels: [8, 8, 8, 8], stem_width: 8}}"
)


@dataclass(frozen=True, slots=True)
class Known:
    """A recipe that can be measured."""

    recipe: str
    vocabulary: int
    """Size of the published models' vocabulary."""
    classes: int
    """Classes that the images of a batch are drawn from."""


KNOWN = {
    "bird": Known("attngan2-cub", 5450, 150),
    "coco": Known("attngan2-coco", 27297, 80000),
    "quickstart": Known("attngan2-sketch-birds", 60, 20),
}


@dataclass(frozen=True, slots=True)
class Game:
    """The adversarial phase of a recipe with random weights, on the CPU until a provider takes a copy."""

    name: str
    phase: Phase
    spec: TaskSpec
    vocabulary: int
    classes: int

    def spec_on(self, device: torch.device, engine: Engine | None = None) -> TaskSpec:
        """A copy of all networks on a device, laid out as an engine expects them."""

        def moved(network: Any) -> Any:
            made = copy.deepcopy(network).to(device)
            return made if engine is None else engine.arranged(made)

        return replace(
            self.spec,
            text=moved(self.spec.text),
            image=moved(self.spec.image),
            generator=moved(self.spec.generator),
            discriminators=tuple(map(moved, self.spec.discriminators)),
            losses=copy.deepcopy(dict(self.spec.losses)),
            engine=engine,
        )

    @property
    def image_sizes(self) -> tuple[int, ...]:
        """Sides in pixels, smallest first."""
        assert self.spec.generator is not None  # noqa: S101  (the recipe has one)
        return self.spec.generator.image_sizes

    def samples(self, batch: int, *, seed: int, full_length: bool = False) -> EncodedSamples:
        """Random images and captions on the host, as the loader returns them."""
        draw, noise = Random(seed), torch.Generator().manual_seed(seed)  # noqa: S311
        longest = min(LONGEST, self.phase.max_words)
        captions = [
            [draw.randrange(1, self.vocabulary) for _ in range(draw.randint(min(SHORTEST, longest), longest))]
            for _ in range(batch)
        ]
        captions.sort(key=len, reverse=True)
        tokens, lengths = pad(captions, length=self.phase.max_words if full_length else 0)
        side = self.image_sizes[-1]
        return EncodedSamples(
            image=torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8, generator=noise),
            tokens=tokens,
            lengths=lengths,
            class_ids=torch.tensor([draw.randrange(self.classes) for _ in range(batch)]),
            captions=("",) * batch,
            keys=("",) * batch,
            extras={},
        )

    def official_samples(self, batch: int, *, seed: int) -> tuple[EncodedSamples, tuple[Tensor, ...]]:
        """The same with images as floats of every size, as the official loader returns them."""
        samples = self.samples(batch, seed=seed)
        images = samples.image.float().div_(127.5).sub_(1.0)
        return samples, pyramid(images, self.image_sizes, levels=samples.image)


def game_of(name: str, *, small: bool = False, overrides: Sequence[str] = ()) -> Game:
    """The workload of one of KNOWN.

    Args:
        name: `bird`, `coco` or `quickstart`.
        small: Whether networks are narrow.
        overrides: Further `KEY=VALUE` for the recipe.
    """
    known = KNOWN[name]
    plugins = load_plugins(
        extra=[(one.replace("_", "-"), f"attnforge_{one}.plugin") for one in PLUGINS], installed=False
    )
    narrow = (*SMALL, SMALL_IMAGE) if small and name != "quickstart" else ()
    recipe = assemble(resolve(known.recipe, overrides=[*narrow, *overrides], plugins=plugins))
    tokenizer = recipe.tokenizer()
    vocabulary = 60 if small else known.vocabulary
    tokenizer.fit([" ".join(f"w{number}" for number in range(1, vocabulary))])
    with warnings.catch_warnings(), quick_initialisation():
        warnings.simplefilter("ignore")  # of random weights of the image encoder
        parts = Parts(recipe, tokenizer=tokenizer, device=torch.device("cpu"))
        spec = parts.task_spec(PARTS)
    for network in (spec.text, spec.image):
        cast("nn.Module", network).eval().requires_grad_(False)
    return Game(name, recipe.phases["gan"], spec, vocabulary, known.classes)


@contextmanager
def quick_initialisation() -> Iterator[None]:
    """Replace orthogonal weights by similar Gaussian ones: 100 million weights take minutes otherwise."""
    exact = nn.init.orthogonal_

    def quick(tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        rows, columns = len(tensor), tensor[0].numel()
        return nn.init.normal_(tensor, std=gain / max(rows, columns) ** 0.5, generator=generator)

    nn.init.orthogonal_ = quick
    try:
        yield
    finally:
        nn.init.orthogonal_ = exact
