"""Leakage: whether generated images are copies of training images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.interfaces import Build, FeatureNetwork
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .manifold import CHUNK, squared_distances
from .of_features import OfFeatures


def nearest_distances(features: Float[Tensor, "n d"], others: Float[Tensor, "m d"]) -> Float[Tensor, "n"]:
    """The Euclidean distance of each feature to the nearest of others."""
    mean = others.mean(dim=0)
    centred = others - mean
    parts = [
        squared_distances(chunk - mean, centred).amin(dim=1).sqrt() for chunk in torch.split(features, CHUNK)
    ]
    return torch.cat(parts)


class Leakage(OfFeatures):
    """Share of generated images that are nearer to a training image than nearly all test images are.

    The nearest training image of each image is found by features. An image leaks if that distance is below
    the `quantile` of the same distances of real test images, which were never trained on; so a generator that
    copies nothing has about the share `quantile`, the value's chance.

    Args:
        network: The network of the features.
        quantile: Share of test images that are nearer.

    Raises:
        RecipeError: There are no real images.
    """

    better: ClassVar[Better] = "lower"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        network: Build[FeatureNetwork],
        quantile: Annotated[float, Field(gt=0, lt=1)] = 0.01,
    ) -> None:
        super().__init__(spec, network=network)
        self.quantile = quantile

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """The share, and the median distance to a training image over that of test images."""
        name = f"leakage ({self.features.label}, {self.quantile:g})"
        features = rows[self.features.features_row]
        if reason := too_few(len(features)):
            return {f"{name} withheld": reason}
        training, test = self.features.of_data("train"), self.features.of_data("test")
        generated, real = (nearest_distances(images, training) for images in (features, test))
        threshold = torch.quantile(real.double(), self.quantile)
        return {
            name: float((generated < threshold).double().mean()),
            f"{name} chance": self.quantile,
            f"{name} median ratio": float(generated.median() / real.median().clamp(min=1e-12)),
        }
