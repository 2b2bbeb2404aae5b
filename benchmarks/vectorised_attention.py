"""The two attentions in plain torch without loops or transposed copies: what a careful user would write."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SMALLEST = 1e-8


def vectorised_word_attention(
    features: Float[Tensor, "b c h w"], words: Float[Tensor, "b c l"], padding: Bool[Tensor, "b l"]
) -> Float[Tensor, "b c h w"]:
    """The context of every pixel, words before pixels throughout."""
    scores = torch.bmm(words.transpose(1, 2), features.flatten(2))
    weights = scores.masked_fill(padding[:, :, None], float("-inf")).softmax(dim=1)
    return torch.bmm(words, weights).view(features.shape)


def vectorised_region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
) -> Float[Tensor, "i t"]:
    """The scores of all images and captions in two products an image, with both softmaxes."""
    captions, width, longest = words.shape
    images, _, count = regions.shape
    rows = words.transpose(1, 2).reshape(captions * longest, width)
    hidden = torch.arange(longest, device=words.device) >= lengths[:, None]
    scores = (rows @ regions).view(images, captions, longest, count)
    over_words = scores.masked_fill(hidden[:, :, None], float("-inf")).softmax(dim=2)
    over_regions = (gamma1 * over_words).softmax(dim=3)
    contexts = over_regions.view(images, captions * longest, count) @ regions.transpose(1, 2)
    norms = torch.linalg.vector_norm(contexts, dim=2) * torch.linalg.vector_norm(rows, dim=1)
    cosines = (contexts * rows).sum(dim=2) / norms.clamp(min=SMALLEST)
    relevance = gamma2 * cosines.view(images, captions, longest)
    scored: Tensor = relevance.masked_fill(hidden, float("-inf")).logsumexp(dim=2)
    return scored
