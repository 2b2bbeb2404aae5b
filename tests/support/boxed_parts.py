"""A data set whose images have a box, and a generator that is told it, for tests of extras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from types import ModuleType

import torch
from torch import Tensor, nn

from attnforge.errors import DataError, Problem
from attnforge.interfaces import Extractor, GeneratorOutput, Prompt, Sample
from attnforge.plugin import Component, PluginCatalogue, hookimpl, load_plugins
from attnforge.recipe import ResolvedRecipe, resolve
from attnforge.specs import DataSpec, GeneratorSpec, MetricSpec

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
BOXES = [(0.0, 0.0, 0.5, 0.5), (0.5, 0.0, 0.5, 0.5), (0.0, 0.5, 0.5, 0.5), (0.25, 0.25, 0.5, 0.5)]


class BoxedSquares:
    """One square on grey in each image; where it is, is said by its box alone.

    Args:
        boxes: Whether samples have the extra `box`: left, top, width and height in [0, 1].
        count: Number of images.
        missing: Whether its files are missing.
    """

    extras: Mapping[str, tuple[int, ...]]

    def __init__(self, spec: DataSpec, *, boxes: bool = True, count: int = 8, missing: bool = False) -> None:
        if missing:
            raise DataError(Problem("no-folder", "there is no folder of squares"))
        self.extras = {"box": (4,)} if boxes else {}
        self.size = spec.image_size
        self.names = [f"{spec.split}-{number}" for number in range(count)]

    def __len__(self) -> int:
        return len(self.names)

    def sample(self, index: int, *, seed: int) -> Sample:
        left, top, width, height = box = self.box(index)
        image = torch.full((3, self.size, self.size), 128, dtype=torch.uint8)
        rows, columns = (
            slice(*(int(self.size * end) for end in ends))
            for ends in ((top, top + height), (left, left + width))
        )
        image[:, rows, columns] = torch.tensor(COLOURS[self.colour(index)], dtype=torch.uint8)[:, None, None]
        extras = {"box": torch.tensor(box)} if self.extras else {}
        return Sample(image, self.captions(index)[0], index, self.names[index], extras)

    def captions(self, index: int) -> Sequence[str]:
        return [f"a {self.colour(index)} square", f"the square is {self.colour(index)}"]

    def class_id(self, index: int) -> int:
        return list(COLOURS).index(self.colour(index))

    def colour(self, index: int) -> str:
        return list(COLOURS)[index % len(COLOURS)]

    def box(self, index: int) -> tuple[float, float, float, float]:
        return Random(self.names[index]).choice(BOXES)


class BoxedGenerator(nn.Module):
    """Paints inside a box and leaves everything outside 0."""

    noise = 3
    image_sizes = (16,)

    def __init__(self, spec: GeneratorSpec) -> None:
        super().__init__()
        assert spec.extras == {"box": (4,)}, spec.extras
        self.paint = nn.Linear(self.noise + spec.words, 3)

    def forward(self, noise: Tensor, prompt: Prompt, /, *, return_attention: bool = False) -> GeneratorOutput:
        colour = self.paint(torch.cat((noise, prompt.sentence), dim=1)).tanh()
        centres = (torch.arange(16, device=noise.device) + 0.5) / 16
        left, top, width, height = prompt.extras["box"][:, :, None].unbind(dim=1)
        rows = ((centres >= top) & (centres < top + height)).float()
        columns = ((centres >= left) & (centres < left + width)).float()
        return GeneratorOutput(
            (colour[:, :, None, None] * (rows[:, :, None] * columns[:, None])[:, None],), ()
        )


class Coverage:
    """Share of the pixels that images paint."""

    def __init__(self, spec: MetricSpec) -> None:
        pass

    def extractors(self) -> dict[str, Extractor]:
        # a value of 0 lies between two of the 256 levels
        return {
            "painted": lambda images, captions: (
                (images.abs() > 0.5 / 127).any(dim=1).double().mean(dim=(1, 2))
            )
        }

    def compute(self, rows: Mapping[str, Tensor], captions: Sequence[str]) -> dict[str, float]:
        return {"coverage": float(rows["painted"].mean())}


RECIPE = (
    "data={use: boxed-squares}",
    "text={use: bilstm, dim: 8, embedding: 8}",
    "image=null",
    "generator={use: boxed}",
    "discriminator={use: joint, channels: 4}",
    "losses={adversarial: hinge, damsm: null, packed: null}",
    "phases={damsm: null, gan: {task: gan, steps: 3, batch_size: 4, log_every: 1, sample_every: 2, "
    "checkpoint_every: 2}}",
    "evaluation.metrics={attributes: null, retrieval: null, coverage: coverage}",
    "evaluation.captions=12",
    "evaluation.batch_size=5",
    "samples.count=3",
)
"""Overrides that make the quickstart recipe one of boxed squares, without an image encoder."""


def boxed_plugins() -> PluginCatalogue:
    """The installed plugins and one with the parts above."""
    module = ModuleType("boxed_plugin")

    @hookimpl
    def attnforge_components() -> list[Component]:
        return [
            Component("dataset", "boxed-squares", "boxed_parts:BoxedSquares", "squares in boxes"),
            Component("generator", "boxed", "boxed_parts:BoxedGenerator", "paints inside a box"),
            Component("metric", "coverage", "boxed_parts:Coverage", "how much is painted"),
        ]

    vars(module)["attnforge_components"] = attnforge_components
    return load_plugins(extra=[("boxed", module)])


def boxed(*overrides: str) -> ResolvedRecipe:
    """A recipe of boxed squares that trains in a second."""
    return resolve("quickstart", overrides=[*RECIPE, *overrides], plugins=boxed_plugins())
