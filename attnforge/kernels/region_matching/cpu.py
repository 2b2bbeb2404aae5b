"""Region matching for processors: some images against a block of captions at a time, in memory reused.

The cosine of Eq. 10 does not change when a context is scaled, and the softmax over regions of Eq. 9 is
w / sum(w) with w = exp(gamma1 p). So u = sum_n w_n v_n stands for the context and the second softmax
disappears. docs/explanation/region-matching-kernel.md derives this and the gradient.
"""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from attnforge.kernels.region_matching.captions import block_of, blocks_of
from attnforge.kernels.region_matching.tables import Tables

SCORES_HELD = 2**18
"""Words times regions of a block: 1 MiB of float32, so that a few such tables stay in a core's cache."""

FOR_A_THREAD = 2
"""Images for each thread that stand side by side where threads share the work. They wait for one another
after every step, which takes long where other processes hold one of them up: larger steps are fewer."""

SPARSE = 0.75
"""Below this share of captions with a gradient, an image is multiplied with their words alone."""


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
        gamma1: How sharply a word picks its regions.
        gamma2: How much the best-matching words of a caption count.
        products: What factors of the large products are rounded to: the precision of the result, or less.
    """
    precise = torch.promote_types(words.dtype, torch.float32)
    scores = words.new_empty(len(regions), len(words), dtype=precise)
    together = images_of(regions)
    for block in blocks_of(lengths.tolist(), rows=rows_of(regions), device=words.device):
        rows = block.rows(words).to(precise)
        make = partial(Tables, block, rows, regions=regions.shape[2], products=products)
        held: dict[int, Tables] = {}
        found = []
        for start in range(0, len(regions), together):
            some = regions[start : start + together]
            if len(some) not in held:
                held[len(some)] = make(images=len(some))
            found.append(held[len(some)].match(some, gamma1).value)
        cosines = torch.cat(found)
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
        regions: Region vectors of the images.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply a word picks its regions.
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
        held: dict[int, Tables] = {}

        def learn(tables: Tables, images: list[int]) -> None:
            first, last = images[0], images[-1]
            follow = last - first == len(images) - 1
            places = slice(first, last + 1) if follow else images  # a slice costs no copy
            cosines = tables.match(regions[places], gamma1)
            caption = tables.block.caption_of_row
            best = torch.exp(gamma2 * cosines.value - scores[places][:, caption])
            incoming = gamma2 * best * gradient[places][:, caption]
            of_regions[places] += tables.gradients(gamma1, cosines, incoming)

        active = gradient[:, block.captions] != 0
        dense, sparse = divided(active)
        for start in range(0, len(dense), together):
            images = dense[start : start + together]
            if len(images) not in held:
                held[len(images)] = make(block, rows, images=len(images))
            learn(held[len(images)], images)
        for tables in held.values():
            of_rows += tables.of_rows
        for image in sparse:
            some = block_of(block.captions[active[image]].tolist(), counts, words.device)
            kept = torch.isin(block.caption_of_row, some.captions).nonzero()[:, 0]
            tables = make(some, rows[kept], images=1)
            learn(tables, [image])
            of_rows[kept] += tables.of_rows
        block.put_rows(of_rows, of_words)
    return of_words, of_regions.to(regions.dtype)


def divided(active: Bool[Tensor, "i c"]) -> tuple[list[int], list[int]]:
    """The images that are multiplied with all captions, and those with the few that have a gradient."""
    shares = active.float().mean(dim=1).tolist()
    dense = [image for image, share in enumerate(shares) if share >= SPARSE]
    sparse = [image for image, share in enumerate(shares) if 0 < share < SPARSE]
    return dense, sparse


def images_of(regions: Float[Tensor, "i d n"]) -> int:
    """How many images stand side by side."""
    threads = torch.get_num_threads()
    return 1 if threads == 1 else max(1, min(FOR_A_THREAD * threads, len(regions)))


def rows_of(regions: Float[Tensor, "i d n"]) -> int:
    """How many words a block has."""
    return max(64, SCORES_HELD // max(1, regions.shape[2]))
