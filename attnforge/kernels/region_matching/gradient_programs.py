"""The Triton programs of region matching's gradient: per pair, per picture and per caption.

`slopes` computes contexts again and writes down, for every word of a pair, a vector x and three numbers.
`learn_regions` and `learn_words` compute scores again and sum what flows to a picture and to a caption over
their pairs, in an order of their own: nothing is added from two sides at once.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

from attnforge.kernels.programs import product, rounded
from attnforge.kernels.region_matching.programs import compare, locate, over_words, read


@triton.jit
@no_type_check
def slopes(
    words, regions, bases, lengths, captions, bounds, gradient, scores, pulls, factors, largest,
    bucket, batch, longest, count, width, list_step, bounds_step, plane, sharpness, gamma2,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """x, a, z and c of the words of ROWS // WORDS pairs of a picture, and the largest |a| of them.

    The gradient of u is a x and that of z, but for its part in u, is z; c is what is subtracted from a word.
    """
    picture = tl.program_id(1).to(tl.int64)
    bounds += picture * bounds_step + bucket
    first = tl.load(bounds) + tl.program_id(0) * (ROWS // WORDS)
    last = tl.load(bounds + 1)
    if first >= last:
        return
    caption, row, present = locate(
        captions + picture * list_step, lengths, first, last, longest, ROWS, WORDS
    )  # fmt: skip
    rows = read(words, row, present, width, WIDTH)
    sums, dots, squares, word_squares, norms, least = compare(
        rows, present, regions + picture * count * width, bases + picture * width, count, width, sharpness,
        TILE, ROWS, WORDS, WIDTH, PRECISION, WIDE,
    )  # fmt: skip
    guarded = norms < least
    divisor = tl.where(present, tl.maximum(norms, least), 1.0)
    cosine = dots / divisor
    pull = tl.load(gradient + picture * batch + caption, mask=present, other=0.0)
    most = tl.load(scores + picture * batch + caption, mask=present, other=0.0)
    pull = pull * gamma2 * tl.exp(cosine * gamma2 - most)
    a = pull / divisor
    along = tl.where(guarded | (squares == 0.0), 0.0, dots / tl.where(squares == 0.0, 1.0, squares))
    x = rows.to(tl.float32) - along[:, None] * sums
    plain = present & (guarded == 0)
    c = tl.where(plain, pull * cosine / tl.where(plain, word_squares, 1.0), 0.0)
    z = tl.where(guarded, -1e-8 * pull * cosine / divisor, 0.0)

    slot = picture * batch * longest + row
    column = tl.arange(0, WIDTH)
    mask = present[:, None] & (column < width)[None, :]
    tl.store(
        pulls + slot[:, None] * width + column[None, :], rounded(x, pulls.dtype.element_ty, WIDE), mask=mask
    )
    tl.store(factors + slot, a, mask=present)
    tl.store(factors + plane + slot, z, mask=present)
    tl.store(factors + 2 * plane + slot, c, mask=present)
    tl.store(largest + picture * batch + first, tl.max(tl.where(plain, tl.abs(a), 0.0), axis=0))


@triton.jit
@no_type_check
def narrow(values, TYPE: tl.constexpr, WIDE: tl.constexpr):
    """Float32 values in TYPE; in float16 those beyond its end become its end."""
    if tl.float16 == TYPE:
        values = tl.minimum(tl.maximum(values, -65504.0), 65504.0)
    return rounded(values, TYPE, WIDE)


@triton.jit
@no_type_check
def learn_regions(
    words, regions, lengths, captions, bounds, pulls, factors, scale, learnt,
    bucket, batch, longest, count, width, list_step, bounds_step, plane, parts, gamma1,
    TILE: tl.constexpr, ROWS: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Adds what flows to TILE regions of a picture from one part in `parts` of a bucket's captions."""
    picture = tl.program_id(1).to(tl.int64)
    part = tl.program_id(2).to(tl.int64)
    bounds += picture * bounds_step + bucket
    last = tl.load(bounds + 1)
    start = tl.load(bounds) + tl.program_id(2) * (ROWS // WORDS)
    if start >= last:
        return
    region = tl.program_id(0) * TILE + tl.arange(0, TILE)
    inside = region < count
    vectors = read(regions + picture * count * width, region, inside, width, WIDTH)
    larger = tl.load(scale)
    sums = tl.zeros((TILE, WIDTH), dtype=tl.float32)
    for first in range(start, last, parts * (ROWS // WORDS)):
        _, row, present = locate(captions + picture * list_step, lengths, first, last, longest, ROWS, WORDS)
        slot = picture * batch * longest + row
        rows = read(words, row, present, width, WIDTH)
        a = tl.load(factors + slot, mask=present, other=0.0) * larger
        z = tl.load(factors + plane + slot, mask=present, other=0.0) * larger
        likely = over_words(product(vectors, tl.trans(rows), PRECISION, WIDE), present, ROWS, WORDS)
        x = read(pulls, slot, present, width, WIDTH)
        weights = tl.exp2(gamma1 * 1.4426950408889634 * likely)
        flow = product(vectors, tl.trans(x), PRECISION, WIDE) * a[None, :] + z[None, :]
        flow = likely * (gamma1 * weights * flow)
        whole = tl.sum(tl.reshape(flow, (TILE, ROWS // WORDS, WORDS)), axis=2)
        whole = tl.broadcast_to(whole[:, :, None], (TILE, ROWS // WORDS, WORDS))
        flow -= likely * tl.reshape(whole, (TILE, ROWS))
        sums += product(narrow(flow, rows.dtype, WIDE), rows, PRECISION, WIDE)
        sums += product(narrow(weights * a[None, :], rows.dtype, WIDE), x, PRECISION, WIDE)
    column = tl.arange(0, WIDTH)
    where = (part * tl.num_programs(1) + picture) * count * width
    where = learnt + where + region[:, None] * width + column[None, :]
    mask = inside[:, None] & (column < width)[None, :]
    tl.store(where, tl.load(where, mask=mask, other=0.0) + sums / larger, mask=mask)


@triton.jit
@no_type_check
def learn_words(
    words, regions, lengths, captions, bounds, pictures, counts, pulls, factors, scale, learnt,
    bucket, batch, longest, count, width, list_step, plane, gamma1,
    TILE: tl.constexpr, WORDS: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Adds what flows to the words of a caption from one part of its pictures."""
    place = tl.load(bounds + bucket) + tl.program_id(0)
    if place >= tl.load(bounds + bucket + 1):
        return
    part = tl.program_id(1).to(tl.int64)
    _, row, present = locate(captions, lengths, place, place + 1, longest, WORDS, WORDS)
    one = tl.load(captions + place).to(tl.int64)
    rows = read(words, row, present, width, WIDTH)
    larger = tl.load(scale)
    # Channels by words: as rows, the channels fill a tensor core's tile.
    sums = tl.zeros((WIDTH, WORDS), dtype=tl.float32)
    dropped = tl.zeros((WORDS,), dtype=tl.float32)
    for number in range(tl.program_id(1), tl.load(counts + one), tl.num_programs(1)):
        picture = tl.load(pictures + one * list_step + number).to(tl.int64)
        slot = picture * batch * longest + row
        x = read(pulls, slot, present, width, WIDTH)
        a = tl.load(factors + slot, mask=present, other=0.0) * larger
        z = tl.load(factors + plane + slot, mask=present, other=0.0) * larger
        dropped += tl.load(factors + 2 * plane + slot, mask=present, other=0.0)
        for start in range(0, count, TILE):
            region = start + tl.arange(0, TILE)
            vectors = read(regions + picture * count * width, region, region < count, width, WIDTH)
            likely = over_words(product(vectors, tl.trans(rows), PRECISION, WIDE), present, WORDS, WORDS)
            weights = tl.exp2(gamma1 * 1.4426950408889634 * likely)
            flow = product(vectors, tl.trans(x), PRECISION, WIDE) * a[None, :] + z[None, :]
            flow = likely * (gamma1 * weights * flow)
            flow += weights * a[None, :] - likely * tl.sum(flow, axis=1)[:, None]
            sums += product(tl.trans(vectors), narrow(flow, rows.dtype, WIDE), PRECISION, WIDE)
    column = tl.arange(0, WIDTH)
    where = learnt + part * batch * longest * width
    where += row[None, :] * width + column[:, None]
    mask = present[None, :] & (column < width)[:, None]
    found = sums / larger - dropped[None, :] * tl.trans(rows).to(tl.float32)
    tl.store(where, tl.load(where, mask=mask, other=0.0) + found, mask=mask)
