"""Region matching of all pairs at once, with one softmax instead of two.

The cosine of Eq. 10 does not change when a context is scaled, and the softmax over regions of Eq. 9 is
w / sum(w) with w = exp(gamma1 p). So u = sum_n w_n v_n stands for the context, and the second softmax
with its sums over regions disappears.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

CHUNK = 2**22
"""Scores held at once: 16 MiB in float32, which an allocator hands out again instead of mapping anew."""

OVERFLOW = 30.0
"""Above this gamma1, squares of sums of exp(gamma1) come near the end of float32, and both softmaxes stay."""


def region_matching(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
) -> Float[Tensor, "i t"]:
    """R of every picture and caption; see `attnforge.kernels.region_matching.region_matching`."""
    captions, _, longest = words.shape
    padding = torch.arange(longest, device=words.device) >= lengths[:, None]
    word_rows = words.masked_fill(padding[:, None], 0).transpose(1, 2).contiguous()
    pictures = max(1, CHUNK // max(1, captions * longest * regions.shape[2]))
    cosines = torch.cat(
        [word_cosines(word_rows, part, padding, gamma1) for part in torch.split(regions, pictures)]
    )
    return torch.logsumexp((gamma2 * cosines).masked_fill(padding, -torch.inf), dim=2)


def word_cosines(
    words: Float[Tensor, "t l d"],
    regions: Float[Tensor, "i d n"],
    padding: Bool[Tensor, "t l"],
    gamma1: float,
) -> Float[Tensor, "i t l"]:
    """The cosine of every word with its context in every picture; padded words must be zero."""
    captions, longest, dim = words.shape
    precise = torch.promote_types(words.dtype, torch.float32)
    rows = words.reshape(captions * longest, dim)
    products = torch.matmul(rows, regions)
    scores = products.to(precise).reshape(-1, captions, longest, regions.shape[2])
    scores = scores.masked_fill(padding[:, :, None], torch.finfo(precise).min)
    exponents = gamma1 * scores.softmax(dim=2).flatten(1, 2)
    # float16 ends at 65504, which a plain sum over regions reaches
    scaled = gamma1 > OVERFLOW or products.dtype is torch.float16
    weights = exponents.softmax(dim=2) if scaled else exponents.exp()
    contexts = torch.matmul(weights.to(regions.dtype), regions.transpose(1, 2)).to(precise)
    rows = rows.to(precise)
    dots = (contexts * rows).sum(dim=2)
    norms = torch.linalg.vector_norm(contexts, dim=2) * torch.linalg.vector_norm(rows, dim=1)
    return torch.div(dots, norms.clamp_min(1e-8)).reshape(-1, captions, longest)
