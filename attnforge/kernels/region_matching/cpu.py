"""Region matching for CPUs: some images against a block of captions at a time, in reused buffers.

The cosine of Eq. 10 does not change when a context is scaled, and the softmax over regions of Eq. 9 is
w / sum(w) with w = exp(gamma1 p). So u = sum_n w_n v_n replaces the context and the second softmax
disappears. docs/explanation/region-matching-kernel.md derives this and the gradient.
"""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from attnforge.kernels.region_matching.captions import block_of, blocks_of
from attnforge.kernels.region_matching.tables import Tables

BLOCK_SCORES = 2**18
"""Words times regions of a block: 1 MiB of float32, so that a few such tables stay in a core's cache."""

IMAGES_PER_THREAD = 2
"""Images that are computed together, if several threads share the work. They synchronize after every step,
which takes long if other processes delay one of them, so steps are larger."""

SPARSE_SHARE = 0.75
"""Below this share of captions with a gradient, an image is multiplied with the words of these only."""


def forward(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    products: torch.dtype,
) -> Float[Tensor, "i t"]:
    """R of every image and caption.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the images.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply words attend to regions.
        gamma2: How much the best-matching words of a caption count.
        products: The type of the factors of the large products: the precision of the result, or less.
    """
    precise = torch.promote_types(words.dtype, torch.float32)
    scores = words.new_empty(len(regions), len(words), dtype=precise)
    together = images_of(regions)
    for block in blocks_of(lengths.tolist(), rows=rows_of(regions), device=words.device):
        rows = block.rows(words).to(precise)
        make = partial(Tables, block, rows, regions=regions.shape[2], products=products)
        tables_by_count: dict[int, Tables] = {}
        parts = []
        for start in range(0, len(regions), together):
            images = regions[start : start + together]
            if len(images) not in tables_by_count:
                tables_by_count[len(images)] = make(images=len(images))
            parts.append(tables_by_count[len(images)].match(images, gamma1).value)
        cosines = torch.cat(parts)
        relevance = [(gamma2 * part).logsumexp(dim=2) for part in block.split(cosines, dim=1)]
        scores[:, block.captions] = torch.cat(relevance, dim=1)
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
    """The gradients of words and regions; everything but `scores` is recomputed.

    Args:
        gradient: The gradient of the scores. If many are zero, these pairs are skipped.
        scores: The result of `forward`.
        words: Word vectors of the captions.
        regions: Region vectors of the images.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply words attend to regions.
        gamma2: How much the best-matching words of a caption count.
        products: As for `forward`.
    """
    counts, together = lengths.tolist(), images_of(regions)
    of_words = torch.zeros_like(words, memory_format=torch.contiguous_format)
    of_regions = torch.zeros_like(regions, dtype=scores.dtype, memory_format=torch.contiguous_format)
    for block in blocks_of(counts, rows=rows_of(regions), device=words.device):
        rows = block.rows(words).to(scores.dtype)
        make = partial(Tables, regions=regions.shape[2], products=products, backward=True)
        of_rows = torch.zeros_like(rows)
        tables_by_count: dict[int, Tables] = {}

        def accumulate(tables: Tables, images: list[int]) -> None:
            first, last = images[0], images[-1]
            consecutive = last - first == len(images) - 1
            indices = slice(first, last + 1) if consecutive else images  # a slice is not copied
            cosines = tables.match(regions[indices], gamma1)
            caption = tables.block.caption_of_row
            best = torch.exp(gamma2 * cosines.value - scores[indices][:, caption])
            incoming = gamma2 * best * gradient[indices][:, caption]
            of_regions[indices] += tables.gradients(gamma1, cosines, incoming)

        active = gradient[:, block.captions] != 0
        dense, sparse = split_by_density(active)
        for start in range(0, len(dense), together):
            images = dense[start : start + together]
            if len(images) not in tables_by_count:
                tables_by_count[len(images)] = make(block, rows, images=len(images))
            accumulate(tables_by_count[len(images)], images)
        for tables in tables_by_count.values():
            of_rows += tables.of_rows
        for image in sparse:
            active_block = block_of(block.captions[active[image]].tolist(), counts, words.device)
            kept = torch.isin(block.caption_of_row, active_block.captions).nonzero()[:, 0]
            tables = make(active_block, rows[kept], images=1)
            accumulate(tables, [image])
            of_rows[kept] += tables.of_rows
        block.put_rows(of_rows, of_words)
    return of_words, of_regions.to(regions.dtype)


def split_by_density(active: Bool[Tensor, "i c"]) -> tuple[list[int], list[int]]:
    """The images to multiply with all captions, and those to multiply with captions with a gradient only."""
    shares = active.float().mean(dim=1).tolist()
    dense = [image for image, share in enumerate(shares) if share >= SPARSE_SHARE]
    sparse = [image for image, share in enumerate(shares) if 0 < share < SPARSE_SHARE]
    return dense, sparse


def images_of(regions: Float[Tensor, "i d n"]) -> int:
    """How many images are computed together."""
    threads = torch.get_num_threads()
    return 1 if threads == 1 else max(1, min(IMAGES_PER_THREAD * threads, len(regions)))


def rows_of(regions: Float[Tensor, "i d n"]) -> int:
    """How many words a block has."""
    return max(64, BLOCK_SCORES // max(1, regions.shape[2]))
