"""Region matching for processors: a picture against a block of captions at a time, in memory that is reused.

The cosine of Eq. 10 does not change when a context is scaled, and the softmax over regions of Eq. 9 is
w / sum(w) with w = exp(gamma1 p). So u = sum_n w_n v_n stands for the context and the second softmax
disappears. docs/explanation/region-matching-kernel.md derives this and the gradient.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels.region_matching.captions import block_of, blocks_of
from attnforge.kernels.region_matching.tables import Tables

SCORES_HELD = 2**18
"""Words times regions of a block: 1 MiB of float32, so that a few such tables stay in a core's cache."""

SPARSE = 0.75
"""Below this share of captions with a gradient, a picture is multiplied with their words alone."""


def forward(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    products: torch.dtype,
) -> Float[Tensor, "i t"]:
    """R of every picture and caption.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the pictures.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply a word picks its regions.
        gamma2: How much the best-matching words of a caption count.
        products: What factors of the large products are rounded to: the precision of the result, or less.
    """
    precise = torch.promote_types(words.dtype, torch.float32)
    scores = words.new_empty(len(regions), len(words), dtype=precise)
    for block in blocks_of(lengths.tolist(), rows=rows_of(regions), device=words.device):
        rows = block.rows(words).to(precise)
        tables = Tables(block, rows, regions.shape[2], products=products)
        cosines = torch.stack([tables.match(picture, gamma1).value for picture in regions])
        parts = [(gamma2 * part).logsumexp(dim=2) for part in block.split(cosines, dim=1)]
        scores[:, block.captions] = torch.cat(parts, dim=1)
    return scores


def backward(
    gradient: Float[Tensor, "i t"],
    scores: Float[Tensor, "i t"],
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    products: torch.dtype,
) -> tuple[Float[Tensor, "t d l"], Float[Tensor, "i d n"]]:
    """The gradients of words and regions; everything but `scores` is computed anew.

    Args:
        gradient: The gradient of the scores. Where many are zero, those pairs are not computed.
        scores: What `forward` gave.
        words: Word vectors of the captions.
        regions: Region vectors of the pictures.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply a word picks its regions.
        gamma2: How much the best-matching words of a caption count.
        products: As for `forward`.
    """
    counts = lengths.tolist()
    of_words = torch.zeros_like(words, memory_format=torch.contiguous_format)
    of_regions = torch.zeros_like(regions, dtype=scores.dtype, memory_format=torch.contiguous_format)
    for block in blocks_of(counts, rows=rows_of(regions), device=words.device):
        rows = block.rows(words).to(scores.dtype)
        whole = Tables(block, rows, regions.shape[2], products=products, backward=True)
        active = gradient[:, block.captions] != 0
        for picture, share in enumerate(active.float().mean(dim=1).tolist()):
            if not share:
                continue
            tables, kept = whole, None
            if share < SPARSE:
                some = block_of(block.captions[active[picture]].tolist(), counts, words.device)
                kept = torch.isin(block.caption_of_row, some.captions).nonzero()[:, 0]
                tables = Tables(some, rows[kept], regions.shape[2], products=products, backward=True)
            cosines = tables.match(regions[picture], gamma1)
            caption = tables.block.caption_of_row
            best = torch.exp(gamma2 * cosines.value - scores[picture, caption])
            incoming = gamma2 * best * gradient[picture, caption]
            of_regions[picture] += tables.gradients(regions[picture], gamma1, cosines, incoming)
            if kept is not None:
                whole.of_rows[kept] += tables.of_rows
        block.put_rows(whole.of_rows, of_words)
    return of_words, of_regions.to(regions.dtype)


def rows_of(regions: Float[Tensor, "i d n"]) -> int:
    """How many words a block has."""
    return max(64, SCORES_HELD // max(1, regions.shape[2]))
