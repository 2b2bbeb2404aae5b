"""Whether images look like their class: what is counted, by class and by image, and against what."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from attnforge_metrics.nearest_class import NearestClass
from measured_images import NoNetwork, computed, spec_of
from torch import Tensor

from attnforge.errors import RecipeError
from attnforge.specs import MetricSpec

NAME = "nearest class (given, 0)"
FEATURES = {"circle": [1.0, 0.0], "square": [0.0, 1.0], "star": [-1.0, -1.0]}
"""Of the images of three classes."""
CLASSES = dict(zip(FEATURES, range(3), strict=True))


class Shapes:
    """Test images, each with its name as caption; a `shape` is of every class."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def captions(self, index: int) -> list[str]:
        return [f"a {self.names[index]}", "a shape"]

    def class_id(self, index: int) -> int:
        return CLASSES[self.names[index]]


def features_of(names: Sequence[str]) -> Tensor:
    spread = torch.randn(len(names), 2, generator=torch.Generator().manual_seed(0)) * 0.05
    return torch.tensor([FEATURES[name] for name in names]) + spread + 100


def classes_of(names: Sequence[str]) -> Tensor:
    return torch.tensor([CLASSES[name] for name in names])


def measured(training: Sequence[str]) -> MetricSpec:
    test = ["circle"] * 8 + ["square"] * 4
    return spec_of(
        features_of(test),
        train=features_of(training),
        data=Shapes(test),
        classes={"train": classes_of(training), "test": classes_of(test)},
    )


TRAINING = ["circle"] * 6 + ["square"] * 3 + ["star"]
CAPTIONS = ["a circle"] * 8 + ["a square"] * 2
SHOWN = ["circle"] * 8 + ["square", "star"]


def test_shares_are_by_class_and_by_image_beside_chance_and_real_images() -> None:
    values = computed(NearestClass(measured(TRAINING), network=NoNetwork), features_of(SHOWN), CAPTIONS)
    assert values == pytest.approx(
        {
            NAME: (1 + 1 / 2) / 2,
            f"{NAME} by image": 0.9,
            f"{NAME} chance": (0.6 + 0.3) / 2,
            f"{NAME} by image chance": (8 * 0.6 + 2 * 0.3) / 10,
            f"{NAME} real images": 1.0,
            f"{NAME} by image real images": 1.0,
        }
    )
    assert next(iter(values)) == NAME


def test_each_image_has_its_part_of_the_value() -> None:
    metric = NearestClass(measured(TRAINING), network=NoNetwork)
    rows = metric.per_image({"features": features_of(SHOWN)}, CAPTIONS)
    values = computed(metric, features_of(SHOWN), CAPTIONS)
    for name, parts in rows.items():
        assert float(parts[:, 0].sum() / parts[:, 1].sum()) == pytest.approx(values[name])


def test_a_caption_of_several_classes_may_show_any() -> None:
    metric = NearestClass(measured(TRAINING), network=NoNetwork)
    shown = ["circle"] * 5 + ["square"] * 4 + ["star"]
    values = computed(metric, features_of(shown), ["a shape"] * 10)
    assert [values[NAME], values[f"{NAME} by image"]] == pytest.approx([0.9, 0.9])  # no test image is a star


def test_values_that_would_mean_nothing_are_withheld() -> None:
    spec = measured(["circle", "square", "star"])
    values = computed(NearestClass(spec, network=NoNetwork), features_of(SHOWN), CAPTIONS)
    assert values == {f"{NAME} withheld": "no class has two training images"}
    few = computed(NearestClass(measured(TRAINING), network=NoNetwork), features_of(SHOWN[:9]), CAPTIONS[:9])
    assert list(few) == [f"{NAME} withheld"]
    with pytest.raises(RecipeError, match="no-reference"):
        NearestClass(spec_of(features_of(SHOWN)), network=NoNetwork)
