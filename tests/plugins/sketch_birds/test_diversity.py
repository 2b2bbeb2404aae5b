"""Whether `attribute-diversity` counts what captions leave open, and only that."""

from __future__ import annotations

import pytest
import torch
from attnforge_sketch_birds.dataset import SketchBirds
from attnforge_sketch_birds.diversity import ROW, AttributeDiversity
from torch import Tensor

from attnforge.specs import DataSpec, MetricSpec

COUNT = 48


def birds(*, facings: tuple[str, ...] = ("left", "right")) -> SketchBirds:
    return SketchBirds(DataSpec(split="test", image_size=64), test_count=COUNT, facings=facings)  # type: ignore[arg-type]


def images_of(data: SketchBirds) -> Tensor:
    return torch.stack([torch.from_numpy(data.image(number).copy()) for number in range(COUNT)]) / 127.5 - 1


def measured(data: SketchBirds | None, images: Tensor, captions: list[str]) -> dict[str, float | str]:
    metric = AttributeDiversity(MetricSpec(encode=None, image=None, tokenizer=None, data=data))
    return metric.compute({ROW: metric.extractors()[ROW](images, captions)}, captions)


def test_real_birds_as_images_of_one_caption_have_a_diversity_of_one() -> None:
    data = birds()
    metrics = measured(data, images_of(data), ["a red bird"] * COUNT)
    assert metrics["attribute diversity"] == pytest.approx(1, abs=1e-9)
    for name in ("background", "pose", "facing", "size", "beak"):
        value = metrics[f"attribute diversity {name}"]
        assert value == pytest.approx(metrics[f"attribute diversity {name} of real birds"])
        assert 0.4 < float(value) < 0.8


def test_images_that_ignore_the_noise_have_none() -> None:
    data = birds()
    repeated = images_of(data)[:4].repeat_interleave(2, dim=0)
    captions = [f"bird {number // 2}" for number in range(8)]
    assert measured(data, repeated, captions)["attribute diversity"] == 0


def test_what_a_caption_names_is_not_counted() -> None:
    data = birds(facings=("left",))
    metrics = measured(data, images_of(data), ["a large bird with a tiny beak"] * COUNT)
    assert {name.split()[2] for name in metrics if name != "attribute diversity"} == {"background", "pose"}


def test_it_is_withheld_where_there_is_nothing_to_compare() -> None:
    data = birds()
    single = measured(data, images_of(data), [f"bird {number}" for number in range(COUNT)])
    assert "per_caption" in str(single["attribute diversity withheld"])
    other = measured(None, images_of(data), ["a bird"] * COUNT)
    assert "known attributes" in str(other["attribute diversity withheld"])
