"""The Triton programs of region matching: scores, and per pair what its gradient needs.

A program compares an image with ROWS words: complete captions of a bucket, each padded to WORDS words. It
processes the image's regions TILE at a time. Scores of words and regions are never written to memory.
Everything between the products is float32; PRECISION and WIDE are those of `product`.
docs/explanation/region-matching-kernel.md derives what is computed.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

from attnforge.kernels.programs import product, rounded

SIZES = (
    *("bucket", "batch", "longest", "count"),
    *("list_step", "bounds_step", "plane", "parts"),
)
"""Arguments that change from batch to batch and must not trigger recompilation."""


@triton.jit
@no_type_check
def locate(
    captions, lengths, first, last, longest,
    ROWS: tl.constexpr, WORDS: tl.constexpr,
):  # fmt: skip
    """The caption of every row, the row's index among all words, and whether it is a word."""
    row = tl.arange(0, ROWS)
    place = first + row // WORDS
    word = row % WORDS
    caption = tl.load(captions + place, mask=place < last, other=0)
    length = tl.load(lengths + caption, mask=place < last, other=0)
    return caption, caption.to(tl.int64) * longest + word, word < length


@triton.jit
@no_type_check
def read(vectors, row, inside, width, WIDTH: tl.constexpr):
    """Vectors as rows, with zeros where a row is not inside."""
    column = tl.arange(0, WIDTH)
    mask = inside[:, None] & (column < width)[None, :]
    return tl.load(vectors + row[:, None] * width + column[None, :], mask=mask, other=0.0)


@triton.jit
@no_type_check
def over_words(scores, present, scale, ROWS: tl.constexpr, WORDS: tl.constexpr):
    """`scale` times the softmax over the words of each caption, regions by rows.

    Rows without a word are zero vectors, so their scores are 0. Results of missing captions are undefined.
    """
    powers = scores * 1.4426950408889634 + tl.where(present, 0.0, -1e38)[None, :]
    powers = tl.reshape(powers, (scores.shape[0], ROWS // WORDS, WORDS))
    powers = tl.exp2(powers - tl.max(powers, axis=2)[:, :, None])
    # a division for each score would cost as much as exp2
    powers = powers * (scale / tl.sum(powers, axis=2))[:, :, None]
    return tl.reshape(powers, (scores.shape[0], ROWS))


@triton.jit
@no_type_check
def contexts(
    rows, present, regions, base, count, width, sharpness,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """u of every row: the sum over regions of weights times vectors.

    Weights are at least 1. Only the excess over 1 is rounded and multiplied; `base` is the sum of vectors.
    """
    sums = tl.zeros((ROWS, WIDTH), dtype=tl.float32)
    for start in range(0, count, TILE):
        region = start + tl.arange(0, TILE)
        vectors = read(regions, region, region < count, width, WIDTH)
        scores = product(vectors, tl.trans(rows), PRECISION, WIDE)
        powers = over_words(scores, present, sharpness, ROWS, WORDS)
        above = rounded(tl.exp2(powers) - 1.0, rows.dtype, WIDE)
        sums += product(tl.trans(above), vectors, PRECISION, WIDE)
    column = tl.arange(0, WIDTH)
    return sums + tl.load(base + column, mask=column < width, other=0.0)[None, :]


@triton.jit
@no_type_check
def totals_of(
    rows, present, regions, count, width, sharpness,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """z of every row: the sum over regions of weights."""
    totals = tl.zeros((ROWS,), dtype=tl.float32)
    for start in range(0, count, TILE):
        region = start + tl.arange(0, TILE)
        vectors = read(regions, region, region < count, width, WIDTH)
        scores = product(vectors, tl.trans(rows), PRECISION, WIDE)
        powers = over_words(scores, present, sharpness, ROWS, WORDS)
        totals += tl.sum(tl.where((region < count)[:, None], tl.exp2(powers), 0.0), axis=0)
    return totals


@triton.jit
@no_type_check
def compare(
    rows, present, regions, base, count, width, sharpness,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """u, u . e, |u|^2, |e|^2, |u| |e| and its lower bound, 1e-8 z, of every row.

    z costs another pass. It is between `count` and `count` exp(gamma1), so it is rarely needed.
    """
    sums = contexts(
        rows, present, regions, base, count, width, sharpness, TILE, ROWS, WORDS, WIDTH, PRECISION, WIDE
    )
    words = rows.to(tl.float32)
    dots = tl.sum(sums * words, axis=1)
    squares = tl.sum(sums * sums, axis=1)
    word_squares = tl.sum(words * words, axis=1)
    norms = tl.sqrt(squares) * tl.sqrt(word_squares)
    least = tl.zeros((ROWS,), dtype=tl.float32)
    near = present & (norms < 1e-8 * count * tl.exp2(sharpness))
    if tl.max(near.to(tl.int32), axis=0) > 0:
        least = 1e-8 * totals_of(
            rows, present, regions, count, width, sharpness, TILE, ROWS, WORDS, WIDTH, PRECISION, WIDE
        )
    return sums, dots, squares, word_squares, norms, least


@triton.jit(do_not_specialize=SIZES)
@no_type_check
def score(
    words, regions, bases, lengths, captions, bounds, scores,
    bucket, batch, longest, count, width, sharpness, gamma2,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """R of an image and ROWS // WORDS captions of a bucket."""
    first = tl.load(bounds + bucket) + tl.program_id(0) * (ROWS // WORDS)
    last = tl.load(bounds + bucket + 1)
    if first >= last:
        return
    image = tl.program_id(1).to(tl.int64)
    _, row, present = locate(captions, lengths, first, last, longest, ROWS, WORDS)
    rows = read(words, row, present, width, WIDTH)
    _, dots, _, _, norms, least = compare(
        rows, present, regions + image * count * width, bases + image * width, count, width, sharpness,
        TILE, ROWS, WORDS, WIDTH, PRECISION, WIDE,
    )  # fmt: skip
    cosine = dots / tl.where(present, tl.maximum(norms, least), 1.0)
    powers = tl.where(present, cosine * gamma2, -1e38)
    powers = tl.reshape(powers, (ROWS // WORDS, WORDS))
    most = tl.max(powers, axis=1)
    total = most + tl.log(tl.sum(tl.exp(powers - most[:, None]), axis=1))
    place = first + tl.arange(0, ROWS // WORDS)
    caption = tl.load(captions + place, mask=place < last, other=0)
    tl.store(scores + image * batch + caption, total, mask=place < last)
