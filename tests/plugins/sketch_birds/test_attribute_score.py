"""The attribute score: 1 for images that are alike, 8 for pure and varied colours, less for unclear ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attnforge_sketch_birds.attributes import PARTS
from attnforge_sketch_birds.dataset import SketchBirds
from attnforge_sketch_birds.palette import COLOURS
from attnforge_sketch_birds.variety import ROW, SPREAD, AttributeScore, _score
from torch import Tensor
from torch.nn import functional

from attnforge.specs import DataSpec, MetricSpec

COUNT = 160


@pytest.fixture(scope="module")
def birds() -> Tensor:
    data = SketchBirds(DataSpec(split="test", image_size=32), test_count=COUNT, facings=("left",))
    samples = torch.stack([torch.as_tensor(data.sample(index, seed=0).image) for index in range(COUNT)])
    return samples.float() if samples.dtype.is_floating_point else samples / 127.5 - 1


def score(images: Tensor) -> dict[str, float | str]:
    unused: Any = None
    metric = AttributeScore(MetricSpec(encode=unused, image=unused, tokenizer=unused, data=unused))
    (extract,) = metric.extractors().values()
    rows = torch.cat([extract(part, [""] * len(part)) for part in images.split(50)])
    return metric.compute({ROW: rows}, [""] * len(images))


def value(images: Tensor) -> float:
    return float(next(value for name, value in score(images).items() if not name.endswith("deviation")))


def test_certain_and_equally_frequent_colours_score_their_number() -> None:
    every = torch.eye(len(COLOURS), dtype=torch.float64)[:, None].expand(-1, len(PARTS), -1)
    assert float(_score(every)) == pytest.approx(len(COLOURS))
    assert float(_score(every[:1].expand(9, -1, -1))) == pytest.approx(1)
    assert float(_score(torch.full_like(every, 1 / len(COLOURS)))) == pytest.approx(1)
    # one part of four is certain and varied: the geometric mean over the parts
    mixed = every.clone()
    mixed[:, 1:] = 1 / len(COLOURS)
    assert float(_score(mixed)) == pytest.approx(len(COLOURS) ** (1 / 4))


def test_unclear_or_equal_images_score_less(birds: Tensor) -> None:
    real = value(birds)
    blurred = functional.interpolate(functional.avg_pool2d(birds, 4), scale_factor=4)
    noise = torch.rand(birds.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert 6 < real < 8
    assert 1 < value(noise) < 1.2 < value(blurred) < 0.8 * real
    assert value(birds[:1].expand(COUNT, -1, -1, -1)) == pytest.approx(1)
    assert SPREAD < 0.1


def test_the_splits_go_with_the_number_of_images(birds: Tensor) -> None:
    assert set(score(birds)) == {
        "attribute score (8 colours, 10 splits)",
        "attribute score (8 colours, 10 splits) deviation",
    }
    assert set(score(birds[:79])) == {"attribute score (8 colours, 1 split)"}
    assert set(score(birds[:9])) == {"attribute score withheld"}
