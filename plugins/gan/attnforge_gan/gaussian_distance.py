"""The Frechet distance of two Gaussians as a function with gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

SMALLEST = 1e-12
"""Eigenvalues below this share of the largest are rounding errors: their roots have no gradient."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The mean of feature vectors, and the mean of their outer products."""

    mean: Float[Tensor, "d"]
    second: Float[Tensor, "d d"]

    @classmethod
    def of(cls, features: Float[Tensor, "n d"]) -> Moments:
        """The moments of some vectors."""
        features = features.double()
        return cls(features.mean(dim=0), features.T @ features / len(features))

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        """With the divisor n, in double precision, because it is a small difference of large numbers."""
        mean = self.mean.double()
        return self.second.double() - torch.outer(mean, mean)


def frechet_distance(first: Moments, second: Moments) -> Float[Tensor, ""]:
    """|m - m'|^2 + tr(C + C' - 2 (R C R)^(1/2)), with R = C'^(1/2), in double precision.

    Gradients reach `first` alone. The trace of the root is the sum of the roots of the eigenvalues of the
    symmetric R C R, whose gradient exists where eigenvalues coincide; that of a root is infinite at 0, so
    eigenvalues that are rounding errors have none.
    """
    mean, covariance = first.mean.double(), first.covariance
    other_mean, other = second.mean.detach().double(), second.covariance.detach()
    values, vectors = torch.linalg.eigh(other)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    product = root @ covariance @ root
    shared = torch.linalg.eigvalsh((product + product.T) / 2)
    smallest = SMALLEST * shared.detach()[-1].clamp(min=torch.finfo(shared.dtype).tiny ** 0.5)
    overlap = shared.clamp(min=smallest).sqrt().where(shared > smallest, 0).sum()
    distance: Tensor = (mean - other_mean).square().sum() + covariance.trace() + other.trace() - 2 * overlap
    return distance
