"""Heads of birds are counted: one on every rendered bird, none or several on composed images."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from attnforge_sketch_birds.attributes import BEAKS, FACINGS, SIZES, TILTS, Attributes, Geometry
from attnforge_sketch_birds.head_count import HeadCount
from attnforge_sketch_birds.heads import HeadFinder, components
from attnforge_sketch_birds.painter import Label, Painter
from attnforge_sketch_birds.palette import BACKGROUNDS, COLOURS
from measured_images import values_of
from torch import Tensor

from attnforge.specs import MetricSpec

GEOMETRIES = [Geometry(*values) for values in product(FACINGS, TILTS, SIZES, BEAKS)]
HEAD = (Label.BEAK, Label.BEAK_EDGE, Label.CROWN, Label.CROWN_EDGE, Label.EYE_RING, Label.PUPIL)


@pytest.fixture(scope="module")
def finder() -> HeadFinder:
    return HeadFinder()


def metric() -> HeadCount:
    unused: Any = None
    return HeadCount(MetricSpec(encode=unused, image=unused, tokenizer=unused, data=unused))


def birds(size: int, geometries: list[Geometry]) -> Tensor:
    """A bird of each geometry, in colours and on backgrounds that all occur."""
    painter, images = Painter(size), []
    for number, geometry in enumerate(geometries):
        colours = tuple(COLOURS[(number * (2 * part + 1) + part) % len(COLOURS)] for part in range(4))
        background = tuple(BACKGROUNDS)[number % len(BACKGROUNDS)]
        images.append(painter.image(Attributes(colours, geometry, background)))  # type: ignore[arg-type]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.mark.parametrize("size", [64, 128])
def test_every_rendered_bird_has_one_head(finder: HeadFinder, size: int) -> None:
    assert finder.count(birds(size, GEOMETRIES)).tolist() == [1] * len(GEOMETRIES)


@pytest.mark.parametrize("colour", COLOURS)
def test_no_colour_hides_a_head_or_looks_like_one(finder: HeadFinder, colour: str) -> None:
    painter = Painter(64)
    plain = [Attributes((colour,) * 4, geometry, "sand") for geometry in GEOMETRIES[::5]]  # type: ignore[arg-type]
    images = torch.from_numpy(np.stack([painter.image(bird) for bird in plain])).permute(0, 3, 1, 2)
    assert finder.count(images.float() / 127.5 - 1).tolist() == [1] * len(plain)


def test_a_second_head_counts(finder: HeadFinder) -> None:
    images = birds(64, GEOMETRIES)
    facing_right = torch.tensor([geometry.facing == "right" for geometry in GEOMETRIES])
    left, right = images[~facing_right], images[facing_right]
    # each faces its own border, and both heads stay whole
    joined = torch.cat((left[..., :32], right[..., 32:]), dim=-1)
    assert finder.count(joined).tolist() == [2] * len(joined)


def test_a_head_that_is_painted_over_does_not_count(finder: HeadFinder) -> None:
    painter, images = Painter(64), birds(64, GEOMETRIES)
    for image, geometry in zip(images, GEOMETRIES, strict=True):
        covered = torch.from_numpy(painter.coverage(geometry, *HEAD)) > 0
        image[:, covered] = image[:, :1, :1].expand(3, 64, 64)[:, covered]
    assert finder.count(images).tolist() == [0] * len(images)
    assert finder.count(torch.zeros(1, 3, 64, 64)).tolist() == [0]


def test_the_metric_is_0_for_rendered_birds_and_counts_the_others() -> None:
    images = birds(64, GEOMETRIES)
    values = {"not one head": 0.0, "no head": 0.0, "several heads": 0.0}
    assert values_of(metric(), images, [""] * len(images)) == values
    images = torch.cat((images, torch.zeros(8, 3, 64, 64)))
    values = {"not one head": 0.25, "no head": 0.25, "several heads": 0.0}
    assert values_of(metric(), images, [""] * len(images)) == values


def test_it_is_withheld_for_few_images_and_for_small_ones() -> None:
    few = values_of(metric(), torch.zeros(9, 3, 64, 64), [""] * 9)
    assert few["not one head withheld"] == "at least 10 images are needed, not 9"
    small = values_of(metric(), torch.zeros(20, 3, 32, 32), [""] * 20)
    assert "images of 32 pixels are too small" in small["not one head withheld"]


def test_pixels_near_one_another_are_one_component() -> None:
    page = torch.zeros(20, 20, dtype=torch.bool)
    for row, column in ((1, 1), (3, 2), (6, 4), (15, 15)):
        page[row, column] = True
    assert sorted(map(len, components(page))) == [1, 3]
    assert components(page & False) == []
