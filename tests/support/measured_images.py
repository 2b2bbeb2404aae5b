"""Measures images in memory by a metric, and features that are given instead of computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from attnforge.evaluate.extracting import Extraction
from attnforge.interfaces import Extractor, Metric, NetworkOutput
from attnforge.specs import MetricSpec

NOTHING: Any = None


@dataclass
class ImagesInMemory:
    """Images with captions, as an evaluation reads them."""

    pixels: Tensor
    captions: Sequence[str]

    def images(self, numbers: Sequence[int]) -> Tensor:
        return self.pixels[list(numbers)]


def rows_of(metric: Metric, images: Tensor, captions: Sequence[str], *, batch: int = 50) -> dict[str, Tensor]:
    return Extraction(batch_size=batch).rows(ImagesInMemory(images, captions), metric.extractors())


def values_of(metric: Metric, images: Tensor, captions: Sequence[str], *, batch: int = 50) -> dict[str, Any]:
    return dict(metric.compute(rows_of(metric, images, captions, batch=batch), captions))


class NoNetwork:
    """A network whose features are given."""

    name = "given"
    dim = 4
    classes = 3

    def protocol(self) -> dict[str, str]:
        return {"network": "given"}

    def __call__(self, images: Tensor) -> NetworkOutput:
        raise AssertionError


@dataclass
class GivenFeatures:
    """Features of real images by split, as metrics get them."""

    real: dict[str, Tensor] = field(default_factory=dict)
    classes: dict[str, Tensor] = field(default_factory=dict)
    network: Any = field(default_factory=NoNetwork)
    label: str = "given, 0"
    features_row: str = "features"
    logits_row: str = "logits"

    def extractors(self, *, logits: bool = False) -> dict[str, Extractor]:
        return {self.logits_row if logits else self.features_row: lambda images, captions: images}

    def of_data(self, split: str = "test") -> Tensor:
        return self.real[split]

    def classes_of_data(self, split: str = "test") -> Tensor:
        return self.classes[split]


def spec_of(
    test: Tensor, *, train: Tensor | None = None, data: Any = None, classes: dict[str, Tensor] | None = None
) -> MetricSpec:
    """A spec whose real images have some features and classes."""
    real = {"test": test} if train is None else {"test": test, "train": train}
    given = GivenFeatures(real, classes or {})
    return MetricSpec(encode=None, image=None, tokenizer=None, data=data, features=lambda network: given)


def computed(metric: Metric, features: Tensor, captions: Sequence[str] | None = None) -> dict[str, Any]:
    """The values of generated images with some features."""
    captions = captions or [f"caption {number}" for number in range(len(features))]
    return dict(metric.compute({"features": features, "logits": features}, captions))
