"""Launches the Triton programs of region matching's gradient; see `gradient_programs` for what they compute.

Images are processed in chunks, so that the intermediate results of pairs, a vector for every word, fit in the
workspace, or are those of one image.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, e, log2
from typing import Any

import torch
import triton
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels.gpu import device_of
from attnforge.kernels.region_matching import launches
from attnforge.kernels.region_matching.buckets import Buckets, buckets_of
from attnforge.kernels.region_matching.factors import Kind, factors_of, rows_of, sums_of
from attnforge.kernels.region_matching.gpu import parts_of
from attnforge.kernels.region_matching.pairs import Pairs, every_pair, pairs_with_gradient

MIN_PROGRAMS = 512
"""Minimum programs of a launch to keep a GPU busy. It is the same for all GPUs, since the split of sums
decides their last bits."""


@dataclass(frozen=True, slots=True)
class Words:
    """The captions of a batch, for all launches."""

    rows: Float[Tensor, "t l w"]
    buckets: Buckets
    kind: Kind
    gamma1: float
    gamma2: float

    def prepared(self, program: launches.Program, bucket: int) -> tuple[Any, dict[str, Any]]:
        """A program for a bucket and its constants."""
        size, width = self.buckets.sizes[bucket], self.rows.shape[2]
        return launches.prepared(program, self.rows, width=width, words=size, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some images: their regions, and the results of `slopes` for each word of their pairs."""

    regions: Float[Tensor, "i n w"]
    pairs: Pairs
    pulls: Float[Tensor, "i t l w"]
    factors: Float[Tensor, "3 i t l"]
    """a, z and c."""
    scale: Float[Tensor, ""]
    """Scale of a and z before they are rounded: a power of two."""


def backward(
    gradient: Float[Tensor, "i t"],
    scores: Float[Tensor, "i t"],
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    precision: str,
    sparse: bool,
) -> tuple[Float[Tensor, "t d l"], Float[Tensor, "i d n"]]:
    """The gradients of words and regions; everything but `scores` is recomputed.

    Args:
        gradient: The gradient of the scores.
        scores: The result of `gpu.forward`.
        words: Word vectors of the captions.
        regions: Region vectors of the images.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply words attend to regions.
        gamma2: How much the best-matching words of a caption count.
        precision: The type of the factors of the large products.
        sparse: Whether to skip pairs with a gradient of zero.
    """
    dtype, kind = factors_of(precision, words.dtype)
    batch, channels, longest = words.shape
    captions = Words(
        rows_of(words, dtype, kind), buckets_of(lengths.to(regions.device), longest), kind, gamma1, gamma2
    )
    of_regions = torch.empty_like(regions, memory_format=torch.contiguous_format)
    splits = min(triton.cdiv(MIN_PROGRAMS, batch), len(regions))
    of_words = words.new_zeros((splits, batch, longest, captions.rows.shape[2]), dtype=torch.float32)
    for part in parts_of(len(regions), bytes_of_image(captions.rows, regions.shape[2])):
        incoming = gradient[part].float().contiguous()
        pairs = (
            pairs_with_gradient(captions.buckets, incoming)
            if sparse
            else every_pair(captions.buckets, len(incoming))
        )
        with device_of(regions):
            chunk = compute_slopes(incoming, scores[part], regions[part], captions, pairs)
            of_regions[part] = learn_regions(captions, chunk)[..., :channels].transpose(1, 2)
            learn_words(captions, chunk, of_words)
        del chunk  # free its memory before the next chunk
    words_gradient = of_words.sum(dim=0)[..., :channels].to(words.dtype)
    return words_gradient.transpose(1, 2).contiguous(), of_regions


def bytes_of_image(words: Float[Tensor, "t l w"], count: int) -> int:
    """Bytes of the workspace for one image.

    Args:
        words: Words of the captions, as factors.
        count: How many regions an image has.
    """
    batch, longest, width = words.shape
    of_words = longest * (width * words.itemsize + 3 * 4)
    of_lists = 64
    return batch * (of_words + of_lists) + count * width * (words.itemsize + 2 * 4)


def compute_slopes(
    gradient: Float[Tensor, "i t"],
    scores: Float[Tensor, "i t"],
    regions: Float[Tensor, "i d n"],
    words: Words,
    pairs: Pairs,
) -> Chunk:
    """Recompute contexts and what the gradient needs of them."""
    batch, longest, width = words.rows.shape
    images, _, count = regions.shape
    vectors = rows_of(regions, words.rows.dtype, words.kind)
    bases = sums_of(regions, width)
    pulls = words.rows.new_empty(images, batch, longest, width)
    factors = scores.new_empty(3, images, batch, longest)
    largest = torch.zeros_like(scores)
    for bucket in range(len(words.buckets.sizes)):
        program, constants = words.prepared("slopes", bucket)

        def grid(options: dict[str, Any]) -> tuple[int, int]:
            return triton.cdiv(batch, options["ROWS"] // options["WORDS"]), images

        program[grid](
            words.rows, vectors, bases, words.buckets.lengths, pairs.captions, pairs.bounds,
            gradient, scores, pulls, factors, largest,
            bucket, batch, longest, count, width,
            pairs.captions.stride(0), pairs.bounds.stride(0), factors.stride(0),
            words.gamma1 * log2(e), words.gamma2,
            **constants,
        )  # fmt: skip
    return Chunk(vectors, pairs, pulls, factors, scale_for(largest, words))


def scale_for(largest: Float[Tensor, "i t"], words: Words) -> Float[Tensor, ""]:
    """The scale that brings the largest a exp(gamma1) near 1, which avoids overflow and underflow in float16.

    An infinite gradient has no such scale and becomes NaN.
    """
    if words.rows.dtype is not torch.float16:
        return largest.new_ones(())
    top = largest.amax()
    power = -top.log2().ceil() - ceil(words.gamma1 * log2(e))
    return power.clamp(-100, 100).exp2() + (top - top)


def learn_regions(words: Words, chunk: Chunk) -> Float[Tensor, "i n w"]:
    """The gradient of the regions of a chunk."""
    batch, longest, width = words.rows.shape
    images, count, _ = chunk.regions.shape
    splits = min(triton.cdiv(MIN_PROGRAMS, images * triton.cdiv(count, 64)), batch)
    learnt = chunk.factors.new_zeros(splits, images, count, width)
    for bucket in range(len(words.buckets.sizes)):
        program, constants = words.prepared("learn_regions", bucket)

        def grid(options: dict[str, Any]) -> tuple[int, int, int]:
            return triton.cdiv(count, options["TILE"]), images, splits

        program[grid](
            words.rows, chunk.regions, words.buckets.lengths, chunk.pairs.captions, chunk.pairs.bounds,
            chunk.pulls, chunk.factors, chunk.scale, learnt,
            bucket, batch, longest, count, width,
            chunk.pairs.captions.stride(0), chunk.pairs.bounds.stride(0), chunk.factors.stride(0), splits,
            words.gamma1,
            **constants,
        )  # fmt: skip
    return learnt.sum(dim=0)


def learn_words(words: Words, chunk: Chunk, learnt: Float[Tensor, "s t l w"]) -> None:
    """Add the gradient of the words from a chunk."""
    batch, longest, width = words.rows.shape
    count = chunk.regions.shape[1]
    for bucket in range(len(words.buckets.sizes)):
        program, constants = words.prepared("learn_words", bucket)
        program[batch, len(learnt)](
            words.rows, chunk.regions, words.buckets.lengths, words.buckets.captions, words.buckets.bounds,
            chunk.pairs.images, chunk.pairs.counts, chunk.pulls, chunk.factors, chunk.scale, learnt,
            bucket, batch, longest, count, width, chunk.pairs.images.stride(0), chunk.factors.stride(0),
            words.gamma1,
            **constants,
        )  # fmt: skip
