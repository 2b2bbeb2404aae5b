"""Precision, recall, density and coverage: how two sets of features lie within one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from attnforge.evaluate.least import MIN_IMAGES, too_few
from attnforge.interfaces import Build, FeatureNetwork
from attnforge.optional import Better
from attnforge.ranges import Positive
from attnforge.specs import MetricSpec

from .of_features import OfFeatures

CHUNK = 1_000
"""Rows of a matrix of distances that are computed at once."""


class Manifold(NamedTuple):
    """How generated features lie among real ones."""

    precision: float
    """Share of generated features inside the ball of any real one."""
    recall: float
    """Share of real features inside the ball of any generated one."""
    density: float
    """Real balls that hold a generated feature, on average, over the number of neighbours; may exceed 1."""
    coverage: float
    """Share of real features whose ball holds a generated one."""


def manifold(real: Float[Tensor, "m d"], generated: Float[Tensor, "n d"], *, neighbours: int) -> Manifold:
    """Kynkaanniemi et al. (2019), Naeem et al. (2020): a ball reaches to its centre's k-th neighbour.

    Args:
        real: Features of real images.
        generated: Features of generated images.
        neighbours: Which neighbour determines the radius, not counting the feature itself.
    """
    mean = real.mean(dim=0)  # differences of large numbers would lose digits
    real, generated = real - mean, generated - mean
    real_radii, generated_radii = (_radii(features, neighbours) for features in (real, generated))
    inside = torch.zeros(len(generated), dtype=torch.long)
    recalled = torch.zeros(len(real), dtype=torch.bool)
    nearest = torch.full((len(real),), torch.inf)
    for start in range(0, len(generated), CHUNK):
        stop = min(start + CHUNK, len(generated))
        distances = squared_distances(generated[start:stop], real)
        inside[start:stop] = (distances <= real_radii).sum(dim=1)
        recalled |= (distances <= generated_radii[start:stop, None]).any(dim=0)
        nearest = torch.minimum(nearest, distances.amin(dim=0))
    return Manifold(
        precision=float((inside > 0).double().mean()),
        recall=float(recalled.double().mean()),
        density=float(inside.double().mean() / neighbours),
        coverage=float((nearest <= real_radii).double().mean()),
    )


def squared_distances(first: Float[Tensor, "m d"], second: Float[Tensor, "n d"]) -> Float[Tensor, "m n"]:
    """Squared Euclidean distances between all features of two sets."""
    lengths = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    return torch.addmm(lengths, first, second.T, alpha=-2).clamp_(min=0)


def _radii(features: Float[Tensor, "n d"], neighbours: int) -> Float[Tensor, "n"]:
    """The squared distance of each feature to its k-th neighbour in the same set."""
    radii = []
    for start in range(0, len(features), CHUNK):
        chunk = features[start : start + CHUNK]
        distances = squared_distances(chunk, features)
        own = torch.arange(len(chunk))
        distances[own, start + own] = torch.inf  # not 0 after rounding
        radii.append(distances.topk(neighbours, dim=1, largest=False).values[:, -1])
    return torch.cat(radii)


class PrecisionRecall(OfFeatures):
    """Precision, recall, density and coverage of generated images among real ones.

    Precision is how many generated images look like real ones, recall how many real ones are like generated
    ones (Kynkaanniemi et al., 2019). Density and coverage are the same with balls around real images alone,
    which outliers inflate less (Naeem et al., 2020). Compare values of the same numbers of images only.

    Args:
        network: The network of the features.
        neighbours: Which neighbour determines the radius of a ball.

    Raises:
        RecipeError: There are no real images.
    """

    better: ClassVar[Better] = "higher"

    def __init__(self, spec: MetricSpec, *, network: Build[FeatureNetwork], neighbours: Positive = 5) -> None:
        super().__init__(spec, network=network)
        self.neighbours = neighbours

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """All four values, with a note where the sets differ in size."""
        features = rows[self.features.features_row]
        protocol = f"({self.features.label}, k = {self.neighbours})"
        names = [f"{name} {protocol}" for name in Manifold._fields]
        fewest = max(MIN_IMAGES, self.neighbours + 1)
        if reason := too_few(len(features), minimum=fewest):
            return {f"{names[0]} withheld": reason}
        real = self.features.of_data()
        if reason := too_few(len(real), minimum=fewest, what="real images"):
            return {f"{names[0]} withheld": reason}
        values: dict[str, Any] = dict(
            zip(names, manifold(real, features, neighbours=self.neighbours), strict=True)
        )
        if len(real) != len(features):
            values[f"{names[0]} note"] = f"of {len(features):,} generated and {len(real):,} real images"
        return values
