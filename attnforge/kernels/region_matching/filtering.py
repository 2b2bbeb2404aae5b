"""Skips pairs with negligible gradients in the backward pass.

The gradient of cross entropies over a batch of pairs is nearly sparse once training has begun. The smallest
set of pairs that carries most of it is kept; kernels do not compute the others.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def keep_largest(gradient: Float[Tensor, "i t"], share: float) -> Float[Tensor, "i t"]:
    """The gradient with zeros outside the smallest set of pairs that carries 1 - share of sum |g|.

    Pairs of an image with its own caption are always kept. A gradient with an infinite entry or NaN is kept
    completely. The skipped entries sum to at most `share` of all.

    Args:
        gradient: The gradient of the scores.
        share: How much of the sum of absolute values may be skipped, in [0, 1).
    """
    size = gradient.abs()
    ordered, indices = size.flatten().sort(descending=True, stable=True)
    carried = ordered.double().cumsum(0)
    total = carried[-1:]
    # An entry is needed while the entries before it carry too little; the first always is.
    before = carried - ordered
    needed = (before < (1 - share) * total) | ~total.isfinite()
    kept = torch.empty_like(needed).scatter_(0, indices, needed).view_as(gradient)
    kept.diagonal().fill_(True)
    return torch.where(kept, gradient, torch.zeros_like(gradient))


class Filter(torch.autograd.Function):
    """The identity; `keep_largest` is applied to the gradient."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, share: float, kept: Tensor | None) -> Tensor:
        ctx.share, ctx.kept = share, kept
        return scores.view_as(scores)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        filtered = keep_largest(gradient, ctx.share) if ctx.share else gradient
        if ctx.kept is not None:
            ctx.kept.copy_((filtered.detach() != 0).to(ctx.kept.dtype).mean())
        return filtered, None, None


def filter_gradient(
    scores: Float[Tensor, "i t"], share: float, kept: Float[Tensor, ""] | None
) -> Float[Tensor, "i t"]:
    """The scores, with their gradient filtered by `keep_largest` unless the share is 0.

    Args:
        scores: R of every image and caption.
        share: How much of the gradient may be skipped.
        kept: The backward pass sets it to the share of pairs with a gradient.
    """
    filtered: Tensor = Filter.apply(scores, share, kept)
    return filtered
