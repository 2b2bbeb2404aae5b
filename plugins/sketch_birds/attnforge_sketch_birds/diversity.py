"""The metric `attribute-diversity`: whether the birds of one caption differ as real birds do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from attnforge.data.checks.words import words
from attnforge.interfaces import Dataset, Extractor
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .attributes import BEAKS, FACINGS, SIZES, TILTS, Geometry
from .grammar import BEAK_WORDS, SIZE_WORDS
from .measuring import part_measure
from .palette import BACKGROUNDS

ROW = "open attributes of sketch birds"
ATTRIBUTES: tuple[str, ...] = ("background", "pose", "facing", "size", "beak")
"""What captions leave open, always or mostly, in the order of the row; the pose is the tilt."""
CORNER_SHARE = 8
"""The page's colour is the median of the upper corners, of one eighth of the side each."""
NAMING: dict[str, frozenset[str]] = {
    "size": frozenset(word for several in SIZE_WORDS.values() for word in several),
    "beak": frozenset(word for several in BEAK_WORDS.values() for word in several),
}
"""The words that determine an attribute."""


class AttributeDiversity:
    """How often two generated birds of a caption differ in what it leaves open, over how often real ones do.

    Of background, pose, facing, size and beak: the share of pairs of images of a caption that differ, as the
    mean over captions that do not name it, and the same share of any two real birds, since a bird's
    colours say nothing of the others. The diversity is the sum of the first over the sum of the second: 0 for
    a generator that ignores its noise, and 1 for real birds. A background is the nearest of the painter's
    pages to the upper corners; the others are those of the geometry that explains the image best, which of
    blurred birds is arbitrary: read it beside `head-count`. It needs `evaluation.per_caption` of 2 or more.

    Unlike distances of features, it does not count a sharp and a blurred image of the same bird as diverse.
    """

    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec) -> None:
        self.data = spec.data

    def extractors(self) -> dict[str, Extractor]:
        """The number of each attribute's value, in the order of `ATTRIBUTES`."""
        return {ROW: self._attributes}

    def compute(
        self, rows: Mapping[str, Int[Tensor, "n attributes"]], captions: Sequence[str]
    ) -> dict[str, float | str]:
        """The ratio, and for each attribute in which real birds differ, the share of pairs that differ."""
        real = _real_attributes(self.data)
        if real is None:
            return {"attribute diversity withheld": "only birds of `sketch-birds` have known attributes"}
        groups = _groups(captions)
        if not any(len(group) > 1 for group in groups.values()):
            reason = "no caption has two images; set evaluation.per_caption to 2 or more"
            return {"attribute diversity withheld": reason}
        metrics: dict[str, float | str] = {}
        sums = [0.0, 0.0]
        for column, attribute in enumerate(ATTRIBUTES):
            expected = _differing(real[:, column])
            naming = NAMING.get(attribute, frozenset())
            shares = [
                _differing(rows[ROW][group, column])
                for caption, group in groups.items()
                if len(group) > 1 and naming.isdisjoint(words(caption))
            ]
            if not expected or not shares:
                continue
            share = sum(shares) / len(shares)
            metrics[f"attribute diversity {attribute}"] = share
            metrics[f"attribute diversity {attribute} of real birds"] = expected
            sums = [sums[0] + share, sums[1] + expected]
        if not sums[1]:
            return {"attribute diversity withheld": "the real birds do not differ"}
        return {"attribute diversity": sums[0] / sums[1], **metrics}

    def _attributes(
        self, images: Float[Tensor, "b 3 h w"], captions: Sequence[str]
    ) -> Int[Tensor, "b attributes"]:
        measure = part_measure(images.shape[-1])
        geometries = [measure.geometries[number] for number in measure.geometry(images).tolist()]
        backgrounds = _backgrounds(images).tolist()
        return torch.tensor([_codes(*pair) for pair in zip(backgrounds, geometries, strict=True)])


def _codes(background: int, geometry: Geometry) -> tuple[int, ...]:
    return (
        background,
        TILTS.index(geometry.tilt),
        FACINGS.index(geometry.facing),
        SIZES.index(geometry.size),
        BEAKS.index(geometry.beak),
    )


def _real_attributes(data: Dataset | None) -> Int[Tensor, "n attributes"] | None:
    """The attributes that real birds were painted with; None where the data have none."""
    from .dataset import SketchBirds

    if not isinstance(data, SketchBirds):
        return None
    names = tuple(BACKGROUNDS)
    birds = [data.attributes(number) for number in range(len(data))]
    return torch.tensor([_codes(names.index(bird.background), bird.geometry) for bird in birds])


def _backgrounds(images: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b"]:
    """The page, as a number in `BACKGROUNDS`, whose colour is nearest to the upper corners."""
    side = max(1, images.shape[-1] // CORNER_SHARE)
    corners = (
        torch.cat((images[:, :, :side, :side], images[:, :, :side, -side:]), dim=3).detach().float().cpu()
    )
    colours = corners.flatten(2).median(dim=2).values
    pages = torch.tensor([background.page for background in BACKGROUNDS.values()]) / 127.5 - 1
    return torch.cdist(colours, pages).argmin(dim=1)


def _groups(captions: Sequence[str]) -> dict[str, list[int]]:
    """The rows of each caption."""
    groups: dict[str, list[int]] = {}
    for row, caption in enumerate(captions):
        groups.setdefault(caption, []).append(row)
    return groups


def _differing(values: Int[Tensor, "n"]) -> float:
    """The share of pairs of different members whose values differ."""
    count = len(values)
    same: Bool[Tensor, "n n"] = values[:, None] == values[None, :]
    return 1 - (int(same.sum()) - count) / (count * (count - 1))
