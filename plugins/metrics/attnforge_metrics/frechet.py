"""The Frechet distance between the features of generated and real images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.interfaces import Build, FeatureNetwork
from attnforge.optional import Better
from attnforge.specs import MetricSpec

from .notes import bias_note
from .of_features import OfFeatures
from .statistics_file import read_statistics

CHUNK = 4_096
"""Features that are turned into double precision at once."""


class Gaussian(NamedTuple):
    """Mean and covariance of features, the latter as a factor: `covariance = factor.T @ factor`."""

    mean: Float[Tensor, "d"]
    factor: Float[Tensor, "k d"]
    """At most as many rows as there are features, or images if they are fewer."""


def gaussian_of(features: Float[Tensor, "n d"]) -> Gaussian:
    """Mean and unbiased covariance of feature vectors, in double precision; of one, the covariance is 0."""
    count, dim = features.shape
    mean = torch.zeros(dim, dtype=torch.double)
    for chunk in torch.split(features, CHUNK):
        mean += chunk.double().sum(dim=0) / count
    if count <= dim:
        return Gaussian(mean, (features.double() - mean) / max(1, count - 1) ** 0.5)
    covariance = torch.zeros(dim, dim, dtype=torch.double)
    for chunk in torch.split(features, CHUNK):
        centred = chunk.double() - mean
        covariance += centred.T @ centred
    return Gaussian(mean, factor_of(covariance / (count - 1)))


def factor_of(covariance: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """A matrix whose transpose times itself is a covariance; eigenvalues below 0 are rounding errors."""
    values, vectors = torch.linalg.eigh(covariance)
    scaled: Tensor = values.clamp(min=0).sqrt()[:, None] * vectors.T
    return scaled


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """|mean - mean'|^2 + tr(C + C' - 2 (C C')^(1/2)) (Dowson and Landau, 1982; Heusel et al., 2017).

    The trace of the root is the nuclear norm of `factor @ factor'.T`, which needs no root of a product of
    covariances: it is exact where there are fewer images than features, and 0 for a set and itself.
    """
    product = first.factor @ second.factor.T
    overlap = torch.linalg.svdvals(product).sum()
    traces = first.factor.square().sum() + second.factor.square().sum()
    return float((first.mean - second.mean).square().sum() + traces - 2 * overlap)


class FrechetDistance(OfFeatures):
    """Frechet distance of the features of generated images and of all real images of the test split.

    The Gaussians of both sets are compared (Heusel et al., 2017), in double precision. The value's name has
    the network and a digest of its weights and resizing: `FD (inception-v3, 1a2b3c4d)`. FID proper is the
    distance with Inception-v3's published weights. The distance is too high for few images; a note says so.
    An optimum can be reached without good images, so read it with precision and recall.

    Args:
        network: The network of the features.
        reference: File of the real images' mean and covariance, `mu` and `sigma` in an `.npz`, as
            pytorch-fid writes it; by default the test split is used.

    Raises:
        RecipeError: There are no real images, or the file does not fit the network.
    """

    better: ClassVar[Better] = "lower"

    def __init__(
        self, spec: MetricSpec, *, network: Build[FeatureNetwork], reference: str | None = None
    ) -> None:
        super().__init__(spec, network=network)
        self.reference = reference
        self.name = f"FD ({self.features.label})"
        self._real: tuple[Gaussian, int | None] | None = None
        if reference is not None:
            mean, covariance, digest = read_statistics(reference, dim=self.features.network.dim)
            self.name = f"FD ({self.features.label}, reference {digest})"
            self._real = Gaussian(mean, factor_of(covariance)), None

    @property
    def needs_real_images(self) -> bool:
        """Whether there is no file of their statistics."""
        return self.reference is None

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """The distance, with a note where images are few."""
        features = rows[self.features.features_row]
        if reason := too_few(len(features)):
            return {f"{self.name} withheld": reason}
        real, count = self._reference()
        if count is not None and (reason := too_few(count, what="real images")):
            return {f"{self.name} withheld": reason}
        values: dict[str, Any] = {self.name: frechet_distance(gaussian_of(features), real)}
        fewest = len(features) if count is None else min(len(features), count)
        if note := bias_note(fewest, features.shape[1]):
            values[f"{self.name} note"] = note
        return values

    def _reference(self) -> tuple[Gaussian, int | None]:
        """The Gaussian of the real images, computed once, and how many they are where that is known."""
        if self._real is None:
            features = self.features.of_data()
            self._real = gaussian_of(features), len(features)
        return self._real
