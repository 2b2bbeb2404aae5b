"""MIND: the distance between sets of features, sorted along random directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from attnforge.evaluate.least import too_few
from attnforge.interfaces import Build, FeatureNetwork
from attnforge.optional import Better
from attnforge.ranges import Count, Positive
from attnforge.seeds import derive_seed
from attnforge.specs import MetricSpec

from .of_features import OfFeatures
from .order import shuffled

AT_ONCE = 50
"""Directions along which features are projected at once."""
FEWEST = 1_000
"""Images from which on the paper reports useful values."""


def sliced_distance(
    first: Float[Tensor, "n d"], second: Float[Tensor, "n d"], *, directions: int, seed: int
) -> float:
    """3 d times the mean squared distance of sorted projections on random unit vectors.

    The factor makes the distance of two sets of which one is moved by v equal to 3 |v|^2.

    Args:
        first: Features.
        second: As many others.
        directions: Number of unit vectors.
        seed: Seed of the unit vectors.
    """
    dim = first.shape[1]
    numbers = torch.Generator().manual_seed(derive_seed(seed, "directions"))
    total = torch.zeros((), dtype=torch.double)
    for start in range(0, directions, AT_ONCE):
        count = min(AT_ONCE, directions - start)
        unit = F.normalize(torch.randn(count, dim, generator=numbers), dim=1).to(first.dtype)
        ours, theirs = ((unit @ features.T).sort(dim=1).values for features in (first, second))
        total += (ours - theirs).double().square().mean(dim=1).sum()
    return float(3 * dim * total / directions)


class MonteCarloDistance(OfFeatures):
    """Sliced distance (MIND) of the features of generated and real images (DeepMind, 2026).

    Both sets are projected on random directions and sorted; the value is 3 d times the mean squared
    difference. It ranks sets of 5,000 images as a Frechet distance of 50,000 does, and is useful from 1,000
    on. Of the larger set, as many images are taken as the smaller has, by seed.

    Args:
        network: The network of the features.
        directions: Number of directions.
        seed: Seed of the directions and of the choice of images.

    Raises:
        RecipeError: There are no real images.
    """

    better: ClassVar[Better] = "lower"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        network: Build[FeatureNetwork],
        directions: Positive = 1_000,
        seed: Count = 1,
    ) -> None:
        super().__init__(spec, network=network)
        self.directions = directions
        self.seed = seed
        self.name = f"MIND ({self.features.label})"

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """The distance, with a note where images are few."""
        features = rows[self.features.features_row]
        if reason := too_few(len(features)):
            return {f"{self.name} withheld": reason}
        real = self.features.of_data()
        if reason := too_few(len(real), what="real images"):
            return {f"{self.name} withheld": reason}
        count = min(len(features), len(real))
        numbers = torch.Generator().manual_seed(derive_seed(self.seed, "images"))
        chosen = torch.randperm(len(real), generator=numbers)[:count]
        generated = shuffled(features, captions, seed=self.seed)[:count]
        value = sliced_distance(generated, real[chosen], directions=self.directions, seed=self.seed)
        values: dict[str, Any] = {self.name: value}
        if count < FEWEST:
            values[f"{self.name} note"] = f"of {count:,} images; values are useful from {FEWEST:,} on"
        return values
