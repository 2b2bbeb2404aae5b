"""The structured joint embedding (Reed et al., CVPR 2016): matching pairs score higher by a margin."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

MARGIN = 1.0


def ranking_loss(
    queries: Float[Tensor, "b d"],
    candidates: Float[Tensor, "c d"],
    labels: Int[Tensor, "b"],
    *,
    ignored: Bool[Tensor, "b c"] | None = None,
) -> Float[Tensor, ""]:
    """How much other candidates come within the margin of each query's own, by dot products.

    The hinges are divided by the number of pairs b * c, of which b are matching.

    Args:
        queries: What is matched, such as images.
        candidates: What it is matched with, such as captions.
        labels: The row of each query's own candidate.
        ignored: Pairs that are no negatives, such as two different images of one class.
    """
    scores = queries @ candidates.T
    own = labels[:, None]
    hinges = F.relu(scores - scores.gather(1, own) + MARGIN).scatter(1, own, 0.0)
    if ignored is not None:
        hinges = hinges.masked_fill(ignored, 0.0)
    return hinges.sum() / scores.numel()


@torch.no_grad()
def accuracy(
    queries: Float[Tensor, "b d"], candidates: Float[Tensor, "c d"], labels: Int[Tensor, "b"]
) -> Float[Tensor, ""]:
    """The share of queries whose own candidate has the highest dot product."""
    return ((queries @ candidates.T).argmax(dim=1) == labels).float().mean()
