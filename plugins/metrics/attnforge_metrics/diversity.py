"""Diversity: how different the images of one caption are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.interfaces import Build, Dataset, Extractor, FeatureNetwork
from attnforge.optional import Better
from attnforge.specs import MetricSpec


def mean_pairwise_distance(groups: Iterable[Float[Tensor, "_ d"]], *, squared: bool = False) -> float | None:
    """The mean over groups of the mean distance of two different members; None without a pair."""
    power = 2 if squared else 1
    means = [
        torch.nn.functional.pdist(group.double()).pow(power).mean() for group in groups if len(group) > 1
    ]
    return float(torch.stack(means).mean()) if means else None


def groups_of(features: Float[Tensor, "n d"], labels: Sequence[Any]) -> Iterator[Float[Tensor, "_ d"]]:
    """The features of each label, one label at a time, since they may be wide."""
    numbers: dict[Any, list[int]] = defaultdict(list)
    for number, label in enumerate(labels):
        numbers[label].append(number)
    return (features[torch.tensor(rows)] for rows in numbers.values())


class CaptionDiversity:
    """Distance of two generated images of a caption over the distance of two such real images; 1 is the goal.

    Distances are Euclidean, of features, averaged for each caption and then over captions; so a generator
    that ignores its noise has 0. It needs `evaluation.per_caption` of 2 or more. Real images of a caption are
    those that share it; where none do, those of a class, which the value's name then says.

    With the network `lpips` and `squared`, the distance is LPIPS, which the value's part `distance` has for
    generated images alone.

    Args:
        network: The network of the features.
        squared: Average squared distances.

    Raises:
        RecipeError: There are no real images.
    """

    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec, *, network: Build[FeatureNetwork], squared: bool = False) -> None:
        self.features = spec.features(network)
        self.squared = squared
        self.data = spec.data

    def extractors(self) -> dict[str, Extractor]:
        """The features."""
        return self.features.extractors()

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """The ratio, and the distance of generated images alone where no real images share a caption."""
        name = f"diversity ({self.features.label}" + (", squared" if self.squared else "")
        own = groups_of(rows[self.features.features_row], captions)
        generated = mean_pairwise_distance(own, squared=self.squared)
        if generated is None:
            reason = "no caption has two images; set evaluation.per_caption to 2 or more"
            return {f"{name}) withheld": reason}
        if self.data is None:
            return {f"{name}, distance)": generated}
        real = self.features.of_data()
        for what, labels in _labels(self.data):
            distance = mean_pairwise_distance(groups_of(real, labels), squared=self.squared)
            if distance is not None and distance > 0:
                ratio = f"{name}, real images of a {what})"
                return {ratio: generated / distance, f"{ratio} distance": generated}
        return {f"{name}, distance)": generated}


def _labels(data: Dataset) -> list[tuple[str, list[Any]]]:
    """What real images can have in common."""
    numbers = range(len(data))
    return [
        ("caption", [data.captions(number)[0] for number in numbers]),
        ("class", [data.class_id(number) for number in numbers]),
    ]
