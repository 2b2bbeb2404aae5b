"""Region matching of few pairs on CPUs: two matrix products per image, with torch's own gradient.

Tables of words by regions of every pair are kept for the backward pass. While they fit in the cache, that is
faster than cpu.py, whose many small steps cost more than their computation.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels.region_matching.reference import MIN_NORM


def region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
) -> Float[Tensor, "i t"]:
    """R of every image and caption; see `attnforge.kernels.region_matching.region_matching`.

    Everything is computed in the precision of the inputs; 16-bit types are converted to float32.
    """
    precise = torch.promote_types(words.dtype, torch.float32)
    captions, width, longest = words.shape
    images, _, count = regions.shape
    hidden = torch.arange(longest, device=words.device) >= lengths[:, None]
    with torch.autocast(words.device.type, enabled=False):
        readable = words.to(precise).masked_fill(hidden[:, None], 0)
        rows = readable.transpose(1, 2).reshape(captions * longest, width)
        regions = regions.to(precise)
        scores = (rows @ regions).view(images, captions, longest, count)
        over_words = scores.masked_fill(hidden[:, :, None], float("-inf")).softmax(dim=2)
        over_regions = (gamma1 * over_words).softmax(dim=3)
        contexts = over_regions.view(images, captions * longest, count) @ regions.transpose(1, 2)
        norms = torch.linalg.vector_norm(contexts, dim=2) * torch.linalg.vector_norm(rows, dim=1)
        cosines = (contexts * rows).sum(dim=2) / norms.clamp_min(MIN_NORM)
        relevance = (gamma2 * cosines).view(images, captions, longest)
        scored: Tensor = relevance.masked_fill(hidden, float("-inf")).logsumexp(dim=2)
    return scored
