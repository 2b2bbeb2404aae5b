"""The Triton programs of word attention: one forward and one backward.

A program holds a block of pixels as rows and all words of a caption as columns, so that the softmax stays
within a row. Any layout is supported through strides, without copies.
Everything between the products is float32; PRECISION and WIDE are those of `product`.
"""

from __future__ import annotations

from typing import no_type_check

import triton
import triton.language as tl

from attnforge.kernels.programs import product, rounded

SIZES = (
    *("longest", "width", "word_sample", "word_channel", "word_word"),
    *("padding_sample", "padding_word"),
)
"""Arguments that change from batch to batch and must not trigger recompilation."""


@triton.jit
@no_type_check
def place(pixel, width, row, column, FLAT: tl.constexpr):
    """Offsets of pixels in a sample; FLAT: one stride leads from each to the next, across rows too."""
    if FLAT:
        return pixel * column
    return (pixel // width) * row + (pixel % width) * column


@triton.jit
@no_type_check
def softmax(scores, present):
    """Softmax over the columns that are present; zeros in a row without any."""
    powers = tl.where(present[None, :], scores * 1.4426950408889634, -1e38)
    weights = tl.exp2(powers - tl.max(powers, axis=1)[:, None])
    weights = tl.where(present[None, :], weights, 0.0)
    total = tl.sum(weights, axis=1)
    return weights * (1.0 / tl.where(total == 0.0, 1.0, total))[:, None]


@triton.jit
@no_type_check
def read_words(
    words, padding, sample, channels, longest,
    word_sample, word_channel, word_word, padding_sample, padding_word,
    CHANNELS: tl.constexpr, WORDS: tl.constexpr,
):  # fmt: skip
    """The words of a caption, channels by words, zero where there is none; and which columns are words."""
    channel = tl.arange(0, CHANNELS)
    word = tl.arange(0, WORDS)
    padded = tl.load(padding + sample * padding_sample + word * padding_word, mask=word < longest, other=1)
    present = padded == 0
    where = words + sample * word_sample + channel[:, None] * word_channel + word[None, :] * word_word
    return tl.load(where, mask=(channel < channels)[:, None] & present[None, :], other=0.0), present


@triton.jit(do_not_specialize=SIZES)
@no_type_check
def attend(
    features, words, padding, context, weights,
    pixels, width, channels, longest,
    feature_sample, feature_channel, feature_row, feature_column,
    word_sample, word_channel, word_word, padding_sample, padding_word,
    context_sample, context_channel, context_pixel,
    FLAT: tl.constexpr, JOIN: tl.constexpr, GIVE_WEIGHTS: tl.constexpr, SPAN: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, WORDS: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Context of SPAN pixels, block after block.

    JOIN writes the features before it; GIVE_WEIGHTS also writes a map per word.
    """
    sample = tl.program_id(1).to(tl.int64)
    channel = tl.arange(0, CHANNELS)
    columns, present = read_words(
        words, padding, sample, channels, longest,
        word_sample, word_channel, word_word, padding_sample, padding_word, CHANNELS, WORDS,
    )  # fmt: skip
    features += sample * feature_sample
    context += sample * context_sample
    first = tl.program_id(0) * SPAN
    for start in range(first, tl.minimum(first + SPAN, pixels), PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        inside = (pixel < pixels)[:, None] & (channel < channels)[None, :]
        at = place(pixel, width, feature_row, feature_column, FLAT)
        at = at[:, None] + channel[None, :] * feature_channel
        rows = tl.load(features + at, mask=inside, other=0.0)

        attention = softmax(product(rows, columns, PRECISION, WIDE), present)
        narrow = rounded(attention, columns.dtype, WIDE)
        found = product(narrow, tl.trans(columns), PRECISION, WIDE)

        to = context + pixel[:, None] * context_pixel + channel[None, :] * context_channel
        if JOIN:
            tl.store(to, rows, mask=inside)
            to += channels * context_channel
        tl.store(to, rounded(found, context.dtype.element_ty, WIDE), mask=inside)
        if GIVE_WEIGHTS:
            word = tl.arange(0, WORDS)
            to = weights + sample * longest * pixels + word[None, :] * pixels + pixel[:, None]
            mask = (pixel < pixels)[:, None] & (word < longest)[None, :]
            tl.store(to, narrow, mask=mask)


@triton.jit(do_not_specialize=SIZES)
@no_type_check
def learn(
    gradient, weights_gradient, features, words, padding, features_gradient, words_gradient,
    pixels, width, channels, longest,
    gradient_sample, gradient_channel, gradient_row, gradient_column,
    weights_sample, weights_word, weights_row, weights_column,
    feature_sample, feature_channel, feature_row, feature_column,
    word_sample, word_channel, word_word, padding_sample, padding_word,
    target_sample, target_channel, target_pixel,
    FLAT: tl.constexpr, JOIN: tl.constexpr, OF_WEIGHTS: tl.constexpr, SPAN: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr, WORDS: tl.constexpr,
    PRECISION: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """Gradients of SPAN pixels, block after block, and, summed over them, of the words.

    Each program writes its own sum for the words; they are added up afterwards, always in the same order.
    """
    sample = tl.program_id(1).to(tl.int64)
    channel = tl.arange(0, CHANNELS)
    word = tl.arange(0, WORDS)
    columns, present = read_words(
        words, padding, sample, channels, longest,
        word_sample, word_channel, word_word, padding_sample, padding_word, CHANNELS, WORDS,
    )  # fmt: skip
    # Channels by words: as rows, the channels fill a tensor core's tile.
    learnt = tl.zeros((CHANNELS, WORDS), dtype=tl.float32)
    first = tl.program_id(0) * SPAN
    for start in range(first, tl.minimum(first + SPAN, pixels), PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        inside = (pixel < pixels)[:, None] & (channel < channels)[None, :]
        at = place(pixel, width, feature_row, feature_column, FLAT)
        at = at[:, None] + channel[None, :] * feature_channel
        rows = tl.load(features + sample * feature_sample + at, mask=inside, other=0.0)
        at = place(pixel, width, gradient_row, gradient_column, FLAT)
        at = at[:, None] + channel[None, :] * gradient_channel
        origin = gradient + sample * gradient_sample
        if JOIN:
            origin += channels * gradient_channel
        pulls = tl.load(origin + at, mask=inside, other=0.0)

        attention = softmax(product(rows, columns, PRECISION, WIDE), present)
        wanted = product(pulls, columns, PRECISION, WIDE)
        if OF_WEIGHTS:
            at_weights = place(pixel, width, weights_row, weights_column, FLAT)
            at_weights = at_weights[:, None] + word[None, :] * weights_word
            mask = (pixel < pixels)[:, None] & present[None, :]
            wanted += tl.load(
                weights_gradient + sample * weights_sample + at_weights, mask=mask, other=0.0
            ).to(tl.float32)
        scores = attention * (wanted - tl.sum(attention * wanted, axis=1)[:, None])
        narrow = rounded(scores, columns.dtype, WIDE)

        moved = product(narrow, tl.trans(columns), PRECISION, WIDE)
        if JOIN:
            passed = tl.load(gradient + sample * gradient_sample + at, mask=inside, other=0.0)
            moved += passed.to(tl.float32)
        to = pixel[:, None] * target_pixel + channel[None, :] * target_channel
        to += sample * target_sample
        tl.store(
            features_gradient + to, rounded(moved, features_gradient.dtype.element_ty, WIDE), mask=inside
        )
        learnt += product(tl.trans(pulls), rounded(attention, columns.dtype, WIDE), PRECISION, WIDE)
        learnt += product(tl.trans(rows), narrow, PRECISION, WIDE)
    part = tl.program_id(0).to(tl.int64) * tl.num_programs(1) + sample
    to = words_gradient + part * channels * longest + channel[:, None] * longest + word[None, :]
    mask = (channel < channels)[:, None] & (word < longest)[None, :]
    tl.store(to, tl.where(present[None, :], learnt, 0.0), mask=mask)
