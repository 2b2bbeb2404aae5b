"""The definition of region matching, one pair at a time and straight from the equations.

The reference for every faster kernel; too slow for training.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

MIN_NORM = 1e-8
"""Lower bound of the product of two norms, as in the official code: zeros have the cosine 0."""


def pair_score(
    words: Float[Tensor, "d l"], regions: Float[Tensor, "d n"], *, gamma1: float, gamma2: float
) -> Float[Tensor, ""]:
    """R of one caption without padding and one image."""
    similarity = words.T @ regions  # Eq. 7
    over_words = similarity.softmax(dim=0)  # Eq. 8
    over_regions = (gamma1 * over_words).softmax(dim=1)  # Eq. 9
    contexts = regions @ over_regions.T  # Eq. 9
    norms = torch.linalg.vector_norm(contexts, dim=0) * torch.linalg.vector_norm(words, dim=0)
    relevance = (contexts * words).sum(dim=0) / norms.clamp_min(MIN_NORM)
    return torch.logsumexp(gamma2 * relevance, dim=0)  # Eq. 10 without its power 1/gamma2


def region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
) -> Float[Tensor, "i t"]:
    """R of every image and caption; see `attnforge.kernels.region_matching.region_matching`.

    Everything is computed in the precision of the inputs; 16-bit types are converted to float32, since torch
    would round the scores.
    """
    precise = torch.promote_types(words.dtype, torch.float32)
    words, regions = words.to(precise), regions.to(precise)
    captions = [caption[:, :length] for caption, length in zip(words, lengths.tolist(), strict=True)]
    return torch.stack(
        [
            torch.stack([pair_score(caption, image, gamma1=gamma1, gamma2=gamma2) for caption in captions])
            for image in regions
        ]
    )
