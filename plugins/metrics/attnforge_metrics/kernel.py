"""The kernel distance between the features of generated and real images."""

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
from attnforge.ranges import Count, Positive
from attnforge.seeds import derive_seed
from attnforge.specs import MetricSpec

from .of_features import OfFeatures
from .order import shuffled


def polynomial_distance(first: Float[Tensor, "m d"], second: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """The unbiased estimate of the squared distance of means under the kernel (x y / d + 1)^3.

    Binkowski et al. (2018); in double precision. It may be slightly negative for sets of one distribution.
    """
    first, second = first.double(), second.double()
    own, others = _between_different(first), _between_different(second)
    return own + others - 2 * _kernel(first, second).mean()


def subset_distances(
    generated: Float[Tensor, "m d"], real: Float[Tensor, "n d"], *, subsets: int, size: int, seed: int
) -> Float[Tensor, "subsets"]:
    """The distance of each of several random subsets of both sets.

    Args:
        generated: Features of generated images.
        real: Features of real images.
        subsets: Number of subsets.
        size: Features of each set in a subset.
        seed: Seed of the choice.
    """
    numbers = torch.Generator().manual_seed(derive_seed(seed, "subsets"))
    return torch.stack(
        [
            polynomial_distance(
                generated[torch.randperm(len(generated), generator=numbers)[:size]],
                real[torch.randperm(len(real), generator=numbers)[:size]],
            )
            for _ in range(subsets)
        ]
    )


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _between_different(features: Tensor) -> Tensor:
    kernel, count = _kernel(features, features), len(features)
    return (kernel.sum() - kernel.diagonal().sum()) / (count * (count - 1))


class KernelDistance(OfFeatures):
    """Kernel distance (KID) of the features of generated and real images (Binkowski et al., 2018).

    The mean over `subsets` of the unbiased distance of `subset_size` images of each set; its deviation is
    that of the subsets. Unlike the Frechet distance it is not too high for few images, but less certain.

    Args:
        network: The network of the features.
        subsets: Number of subsets.
        subset_size: Images of a subset; all of them where there are fewer, and then one subset.
        seed: Seed of the choice of subsets.

    Raises:
        RecipeError: There are no real images.
    """

    better: ClassVar[Better] = "lower"

    def __init__(
        self,
        spec: MetricSpec,
        *,
        network: Build[FeatureNetwork],
        subsets: Positive = 100,
        subset_size: Annotated[int, Field(ge=2)] = 1_000,
        seed: Count = 1,
    ) -> None:
        super().__init__(spec, network=network)
        self.subsets = subsets
        self.subset_size = subset_size
        self.seed = seed
        self.name = f"KID ({self.features.label})"

    def compute(self, rows: Mapping[str, Float[Tensor, "n d"]], captions: Sequence[str]) -> dict[str, Any]:
        """The distance and its deviation; without the latter if there are too few images for subsets."""
        features = rows[self.features.features_row]
        if reason := too_few(len(features)):
            return {f"{self.name} withheld": reason}
        real = self.features.of_data()
        if reason := too_few(len(real), what="real images"):
            return {f"{self.name} withheld": reason}
        generated = shuffled(features, captions, seed=self.seed)
        size = min(self.subset_size, len(generated), len(real))
        if size < self.subset_size:
            note = f"of all images, since subsets of {self.subset_size:,} need as many; its error is unknown"
            value = float(polynomial_distance(generated, real))
            return {self.name: value, f"{self.name} note": note}
        distances = subset_distances(generated, real, subsets=self.subsets, size=size, seed=self.seed)
        return {
            self.name: float(distances.mean()),
            f"{self.name} deviation": float(distances.std(correction=0)),
        }
