"""Launches the Triton program of region matching's scores; see `programs` for what it computes."""

from __future__ import annotations

from collections.abc import Iterator
from math import e, log2
from typing import Any

import torch
import triton
from jaxtyping import Float, Int
from torch import Tensor

from attnforge.kernels.gpu import device_of
from attnforge.kernels.region_matching import launches
from attnforge.kernels.region_matching.buckets import buckets_of
from attnforge.kernels.region_matching.factors import factors_of, rows_of, sums_of

WORKSPACE = 2**26
"""Bytes, 64 MiB, of temporary memory for images computed together; a single image may need more."""
MAX_GRID = 65535
"""Maximum size of the second axis of a CUDA grid."""


def parts_of(images: int, bytes_each: int) -> Iterator[slice]:
    """All images, in chunks that fit in the workspace, or one by one."""
    chunk = max(1, min(MAX_GRID, WORKSPACE // max(1, bytes_each)))
    for start in range(0, images, chunk):
        yield slice(start, min(start + chunk, images))


def forward(
    words: Float[Tensor, "t d l"],
    regions: Float[Tensor, "i d n"],
    lengths: Int[Tensor, "t"],
    *,
    gamma1: float,
    gamma2: float,
    precision: str,
) -> Float[Tensor, "i t"]:
    """R of every image and caption.

    Args:
        words: Word vectors of the captions.
        regions: Region vectors of the images.
        lengths: How many words each caption has, at least 1.
        gamma1: How sharply words attend to regions.
        gamma2: How much the best-matching words of a caption count.
        precision: The type of the factors of the large products.
    """
    dtype, kind = factors_of(precision, words.dtype)
    batch, _, longest = words.shape
    images, _, count = regions.shape
    buckets = buckets_of(lengths.to(regions.device), longest)
    rows = rows_of(words, dtype, kind)
    width = rows.shape[2]
    scores = regions.new_empty(images, batch, dtype=torch.float32)
    for part in parts_of(images, count * width * dtype.itemsize):
        vectors = rows_of(regions[part], dtype, kind)
        bases = sums_of(regions[part], width)
        for bucket, size in enumerate(buckets.sizes):
            program, constants = launches.prepared("score", regions, width=width, words=size, kind=kind)

            def grid(options: dict[str, Any], part: slice = part) -> tuple[int, int]:
                held = options["ROWS"] // options["WORDS"]
                return triton.cdiv(batch, held), part.stop - part.start

            with device_of(regions):
                program[grid](
                    rows, vectors, bases, buckets.lengths, buckets.captions, buckets.bounds, scores[part],
                    bucket, batch, longest, count, width, gamma1 * log2(e), gamma2,
                    **constants,
                )  # fmt: skip
    return scores
