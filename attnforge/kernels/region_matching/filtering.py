"""Leave out of the backward pass the pairs that hardly matter.

Cross entropies over a batch of pairs have a gradient that is nearly sparse once training has begun. The
smallest set of pairs that carries most of it is kept, and kernels do not compute the others.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def keep_largest(gradient: Float[Tensor, "i t"], share: float) -> Float[Tensor, "i t"]:
    """The gradient with zeros outside the smallest set of pairs that carries 1 - share of sum |g|.

    Pairs of an image with the caption at its own place are always kept. A gradient with an infinite or
    undefined entry is kept whole. The entries left out sum to at most `share` of all.

    Args:
        gradient: The gradient of the scores.
        share: How much of the sum of absolute values may be left out, in [0, 1).
    """
    size = gradient.abs()
    ordered, places = size.flatten().sort(descending=True, stable=True)
    carried = ordered.double().cumsum(0)
    total = carried[-1:]
    # An entry is needed while those before it carry too little; the first always is.
    before = carried - ordered
    needed = (before < (1 - share) * total) | ~total.isfinite()
    kept = torch.empty_like(needed).scatter_(0, places, needed).view_as(gradient)
    kept.diagonal().fill_(True)
    return torch.where(kept, gradient, torch.zeros_like(gradient))


class Filter(torch.autograd.Function):
    """Scores as they are; on the way back, `keep_largest` of their gradient."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, share: float, kept: Tensor | None) -> Tensor:
        ctx.share, ctx.kept = share, kept
        return scores.view_as(scores)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        found = keep_largest(gradient, ctx.share) if ctx.share else gradient
        if ctx.kept is not None:
            ctx.kept.copy_((found.detach() != 0).to(ctx.kept.dtype).mean())
        return found, None, None


def filter_gradient(
    scores: Float[Tensor, "i t"], share: float, kept: Float[Tensor, ""] | None
) -> Float[Tensor, "i t"]:
    """Scores whose gradient is filtered by `keep_largest`, but not for a share of 0.

    Args:
        scores: R of every image and caption.
        share: How much of the gradient may be left out.
        kept: The backward pass writes here which share of the pairs has a gradient.
    """
    filtered: Tensor = Filter.apply(scores, share, kept)
    return filtered
