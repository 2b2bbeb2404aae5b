"""The Triton programs of region matching's gradient: per pair, per image and per caption.

`slopes` recomputes contexts and writes a vector x and three scalars for every word of a pair. `learn_regions`
and `learn_words` recompute scores and sum the gradients of an image and of a caption over their pairs, in a
fixed order and without atomics.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

from attnforge.kernels.programs import product, rounded
from attnforge.kernels.region_matching.programs import SIZES, compare, locate, over_words, read


@triton.jit(do_not_specialize=SIZES)
@no_type_check
def slopes(
    words, regions, bases, lengths, captions, bounds, gradient, scores, pulls, factors, largest,
    bucket, batch, longest, count, width, list_step, bounds_step, plane, sharpness, gamma2,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """x, a, z and c of the words of ROWS // WORDS pairs of an image, and the largest |a| of them.

    The gradient of u is a x, and that of z, apart from its part in u, is z; c is subtracted from a word.
    """
    image = tl.program_id(1).to(tl.int64)
    bounds += image * bounds_step + bucket
    first = tl.load(bounds) + tl.program_id(0) * (ROWS // WORDS)
    last = tl.load(bounds + 1)
    if first >= last:
        return
    caption, row, present = locate(
        captions + image * list_step, lengths, first, last, longest, ROWS, WORDS
    )  # fmt: skip
    rows = read(words, row, present, width, WIDTH)
    sums, dots, squares, word_squares, norms, least = compare(
        rows, present, regions + image * count * width, bases + image * width, count, width, sharpness,
        TILE, ROWS, WORDS, WIDTH, PRECISION, WIDE,
    )  # fmt: skip
    guarded = norms < least
    divisor = tl.where(present, tl.maximum(norms, least), 1.0)
    cosine = dots / divisor
    pull = tl.load(gradient + image * batch + caption, mask=present, other=0.0)
    most = tl.load(scores + image * batch + caption, mask=present, other=0.0)
    pull = pull * gamma2 * tl.exp(cosine * gamma2 - most)
    a = pull / divisor
    along = tl.where(guarded | (squares == 0.0), 0.0, dots / tl.where(squares == 0.0, 1.0, squares))
    x = rows.to(tl.float32) - along[:, None] * sums
    plain = present & (guarded == 0)
    c = tl.where(plain, pull * cosine / tl.where(plain, word_squares, 1.0), 0.0)
    z = tl.where(guarded, -1e-8 * pull * cosine / divisor, 0.0)

    slot = image * batch * longest + row
    column = tl.arange(0, WIDTH)
    mask = present[:, None] & (column < width)[None, :]
    tl.store(
        pulls + slot[:, None] * width + column[None, :], rounded(x, pulls.dtype.element_ty, WIDE), mask=mask
    )
    tl.store(factors + slot, a, mask=present)
    tl.store(factors + plane + slot, z, mask=present)
    tl.store(factors + 2 * plane + slot, c, mask=present)
    tl.store(largest + image * batch + first, tl.max(tl.where(plain, tl.abs(a), 0.0), axis=0))


@triton.jit
@no_type_check
def narrow(values, TYPE: tl.constexpr, WIDE: tl.constexpr):
    """Float32 values in TYPE; clamped to the range of float16 in float16; NaN stays NaN."""
    if tl.float16 == TYPE:
        values = tl.maximum(values, -65504.0, propagate_nan=tl.PropagateNan.ALL)
        values = tl.minimum(values, 65504.0, propagate_nan=tl.PropagateNan.ALL)
    return rounded(values, TYPE, WIDE)


@triton.jit
@no_type_check
def read_part(vectors, row, inside, start, width, PART: tl.constexpr):
    """PART channels of vectors from `start` on, as rows, with zeros where a row is not inside."""
    column = start + tl.arange(0, PART)
    mask = inside[:, None] & (column < width)[None, :]
    return tl.load(vectors + row[:, None] * width + column[None, :], mask=mask, other=0.0)


@triton.jit
@no_type_check
def compare_both(
    regions, region, inside, words, row, pulls, slot, present, width,
    TILE: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr, PART: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """The products of regions with words and with their x, regions by rows, PART channels at a time."""
    scores = tl.zeros((TILE, ROWS), dtype=tl.float32)
    flow = tl.zeros((TILE, ROWS), dtype=tl.float32)
    for start in range(0, WIDTH, PART):
        vectors = read_part(regions, region, inside, start, width, PART)
        rows = read_part(words, row, present, start, width, PART)
        scores += product(vectors, tl.trans(rows), PRECISION, WIDE)
        x = read_part(pulls, slot, present, start, width, PART)
        flow += product(vectors, tl.trans(x), PRECISION, WIDE)
    return scores, flow


@triton.jit(do_not_specialize=SIZES)
@no_type_check
def learn_regions(
    words, regions, lengths, captions, bounds, pulls, factors, scale, learnt,
    bucket, batch, longest, count, width, list_step, bounds_step, plane, parts, gamma1,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PART: tl.constexpr, PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Add the gradient of TILE regions of an image from one of `parts` parts of a bucket's captions."""
    image = tl.program_id(1).to(tl.int64)
    part = tl.program_id(2).to(tl.int64)
    bounds += image * bounds_step + bucket
    last = tl.load(bounds + 1)
    start = tl.load(bounds) + tl.program_id(2) * (ROWS // WORDS)
    if start >= last:
        return
    region = tl.program_id(0) * TILE + tl.arange(0, TILE)
    inside = region < count
    regions += image * count * width
    larger = tl.load(scale)
    sums = tl.zeros((TILE, WIDTH), dtype=tl.float32)
    for first in range(start, last, parts * (ROWS // WORDS)):
        _, row, present = locate(captions + image * list_step, lengths, first, last, longest, ROWS, WORDS)
        slot = image * batch * longest + row
        a = tl.load(factors + slot, mask=present, other=0.0) * larger
        z = tl.load(factors + plane + slot, mask=present, other=0.0) * larger
        scores, flow = compare_both(
            regions, region, inside, words, row, pulls, slot, present, width,
            TILE, ROWS, WIDTH, PART, PRECISION, WIDE,
        )  # fmt: skip
        likely = over_words(scores, present, 1.0, ROWS, WORDS)
        weights = tl.exp2(gamma1 * 1.4426950408889634 * likely)
        flow = likely * (gamma1 * weights * (flow * a[None, :] + z[None, :]))
        whole = tl.sum(tl.reshape(flow, (TILE, ROWS // WORDS, WORDS)), axis=2)
        whole = tl.broadcast_to(whole[:, :, None], (TILE, ROWS // WORDS, WORDS))
        flow -= likely * tl.reshape(whole, (TILE, ROWS))
        rows = read(words, row, present, width, WIDTH)
        sums += product(narrow(flow, rows.dtype, WIDE), rows, PRECISION, WIDE)
        x = read(pulls, slot, present, width, WIDTH)
        sums += product(narrow(weights * a[None, :], rows.dtype, WIDE), x, PRECISION, WIDE)
    column = tl.arange(0, WIDTH)
    where = (part * tl.num_programs(1) + image) * count * width
    where = learnt + where + region[:, None] * width + column[None, :]
    mask = inside[:, None] & (column < width)[None, :]
    tl.store(where, tl.load(where, mask=mask, other=0.0) + sums * (1.0 / larger), mask=mask)


@triton.jit(do_not_specialize=SIZES)
@no_type_check
def learn_words(
    words, regions, lengths, captions, bounds, images, counts, pulls, factors, scale, learnt,
    bucket, batch, longest, count, width, list_step, plane, gamma1,
    TILE: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PART: tl.constexpr, PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Add the gradient of the words of a caption from one part of its images."""
    place = tl.load(bounds + bucket) + tl.program_id(0)
    if place >= tl.load(bounds + bucket + 1):
        return
    part = tl.program_id(1).to(tl.int64)
    _, row, present = locate(captions, lengths, place, place + 1, longest, WORDS, WORDS)
    one = tl.load(captions + place).to(tl.int64)
    larger = tl.load(scale)
    # Channels by words: as rows, the channels fill a tensor core's tile.
    sums = tl.zeros((WIDTH, WORDS), dtype=tl.float32)
    dropped = tl.zeros((WORDS,), dtype=tl.float32)
    for number in range(tl.program_id(1), tl.load(counts + one), tl.num_programs(1)):
        image = tl.load(images + one * list_step + number).to(tl.int64)
        slot = image * batch * longest + row
        a = tl.load(factors + slot, mask=present, other=0.0) * larger
        z = tl.load(factors + plane + slot, mask=present, other=0.0) * larger
        dropped += tl.load(factors + 2 * plane + slot, mask=present, other=0.0)
        for start in range(0, count, TILE):
            region = start + tl.arange(0, TILE)
            here = regions + image * count * width
            scores, flow = compare_both(
                here, region, region < count, words, row, pulls, slot, present, width,
                TILE, WORDS, WIDTH, PART, PRECISION, WIDE,
            )  # fmt: skip
            likely = over_words(scores, present, 1.0, WORDS, WORDS)
            weights = tl.exp2(gamma1 * 1.4426950408889634 * likely)
            flow = likely * (gamma1 * weights * (flow * a[None, :] + z[None, :]))
            flow += weights * a[None, :] - likely * tl.sum(flow, axis=1)[:, None]
            vectors = read(here, region, region < count, width, WIDTH)
            sums += product(tl.trans(vectors), narrow(flow, vectors.dtype, WIDE), PRECISION, WIDE)
    column = tl.arange(0, WIDTH)
    where = learnt + part * batch * longest * width
    where += row[None, :] * width + column[:, None]
    mask = present[None, :] & (column < width)[:, None]
    own = tl.load(words + row[None, :] * width + column[:, None], mask=mask, other=0.0).to(tl.float32)
    found = sums * (1.0 / larger) - dropped[None, :] * own
    tl.store(where, tl.load(where, mask=mask, other=0.0) + found, mask=mask)
