"""Launches the Triton programs of region matching's gradient; see `gradient_programs` for what they compute.

Images go through them in runs, so that what is written down for each pair, a vector for every word, never
takes more than the workspace, or what one image needs.
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

PROGRAMS = 512
"""How many programs a launch should have at least to keep a GPU busy. It is the same for all GPUs: how sums
are split decides their last bits."""


@dataclass(frozen=True, slots=True)
class Words:
    """The captions of a batch, as all launches take them."""

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
class Run:
    """Some images: their regions, and what `slopes` writes down for each word of their pairs."""

    regions: Float[Tensor, "i n w"]
    pairs: Pairs
    pulls: Float[Tensor, "i t l w"]
    factors: Float[Tensor, "3 i t l"]
    """a, z and c."""
    scale: Float[Tensor, ""]
    """What a and z are multiplied by before they are rounded: a power of two."""


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
    """The gradients of words and regions; everything but `scores` is computed anew.

    Args:
        gradient: The gradient of the scores.
        scores: What `gpu.forward` gave.
        words: Word vectors of the captions.
        regions: Region vectors of the images.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply a word picks its regions.
        gamma2: How much the best-matching words of a caption count.
        precision: What factors of the large products are rounded to.
        sparse: Whether to leave pairs out whose gradient is zero.
    """
    dtype, kind = factors_of(precision, words.dtype)
    batch, given, longest = words.shape
    captions = Words(
        rows_of(words, dtype, kind), buckets_of(lengths.to(regions.device), longest), kind, gamma1, gamma2
    )
    of_regions = torch.empty_like(regions, memory_format=torch.contiguous_format)
    splits = min(triton.cdiv(PROGRAMS, batch), len(regions))
    of_words = words.new_zeros((splits, batch, longest, captions.rows.shape[2]), dtype=torch.float32)
    for part in parts_of(len(regions), bytes_of_image(captions.rows, regions.shape[2])):
        found = gradient[part].float().contiguous()
        pairs = (
            pairs_with_gradient(captions.buckets, found)
            if sparse
            else every_pair(captions.buckets, len(found))
        )
        with device_of(regions):
            run = find_slopes(found, scores[part], regions[part], captions, pairs)
            of_regions[part] = learn_regions(captions, run)[..., :given].transpose(1, 2)
            learn_words(captions, run, of_words)
        del run  # before the next one takes its room
    found_words = of_words.sum(dim=0)[..., :given].to(words.dtype)
    return found_words.transpose(1, 2).contiguous(), of_regions


def bytes_of_image(words: Float[Tensor, "t l w"], count: int) -> int:
    """What one image takes of the workspace.

    Args:
        words: Words of the captions, as factors.
        count: How many regions an image has.
    """
    batch, longest, width = words.shape
    of_words = longest * (width * words.itemsize + 3 * 4)
    of_lists = 64
    return batch * (of_words + of_lists) + count * width * (words.itemsize + 2 * 4)


def find_slopes(
    gradient: Float[Tensor, "i t"],
    scores: Float[Tensor, "i t"],
    regions: Float[Tensor, "i d n"],
    words: Words,
    pairs: Pairs,
) -> Run:
    """Compute contexts again and write down what the gradient needs of them."""
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
    return Run(vectors, pairs, pulls, factors, scale_for(largest, words))


def scale_for(largest: Float[Tensor, "i t"], words: Words) -> Float[Tensor, ""]:
    """What brings the largest a exp(gamma1) near 1, which keeps float16 away from both of its ends.

    A gradient that is infinite has no such number, and becomes undefined as a whole.
    """
    if words.rows.dtype is not torch.float16:
        return largest.new_ones(())
    top = largest.amax()
    power = -top.log2().ceil() - ceil(words.gamma1 * log2(e))
    return power.clamp(-100, 100).exp2() + (top - top)


def learn_regions(words: Words, run: Run) -> Float[Tensor, "i n w"]:
    """What flows to the regions of a run."""
    batch, longest, width = words.rows.shape
    images, count, _ = run.regions.shape
    splits = min(triton.cdiv(PROGRAMS, images * triton.cdiv(count, 64)), batch)
    learnt = run.factors.new_zeros(splits, images, count, width)
    for bucket in range(len(words.buckets.sizes)):
        program, constants = words.prepared("learn_regions", bucket)

        def grid(options: dict[str, Any]) -> tuple[int, int, int]:
            return triton.cdiv(count, options["TILE"]), images, splits

        program[grid](
            words.rows, run.regions, words.buckets.lengths, run.pairs.captions, run.pairs.bounds,
            run.pulls, run.factors, run.scale, learnt,
            bucket, batch, longest, count, width,
            run.pairs.captions.stride(0), run.pairs.bounds.stride(0), run.factors.stride(0), splits,
            words.gamma1,
            **constants,
        )  # fmt: skip
    return learnt.sum(dim=0)


def learn_words(words: Words, run: Run, learnt: Float[Tensor, "s t l w"]) -> None:
    """Add what flows to the words from a run."""
    batch, longest, width = words.rows.shape
    count = run.regions.shape[1]
    for bucket in range(len(words.buckets.sizes)):
        program, constants = words.prepared("learn_words", bucket)
        program[batch, len(learnt)](
            words.rows, run.regions, words.buckets.lengths, words.buckets.captions, words.buckets.bounds,
            run.pairs.images, run.pairs.counts, run.pulls, run.factors, run.scale, learnt,
            bucket, batch, longest, count, width, run.pairs.images.stride(0), run.factors.stride(0),
            words.gamma1,
            **constants,
        )  # fmt: skip
