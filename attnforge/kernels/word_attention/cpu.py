"""Word attention in blocks that fit in a CPU's cache, with recomputation in the backward pass.

A block is some pixels of a sample, or some whole samples of few pixels. Its scores live between two matrix
products and are never written to memory; the backward pass recomputes them. Words are the first axis
throughout, so that no map is transposed, whatever its memory format. 16-bit types are converted to float32
block by block, and nothing is rounded before the result; only the backward pass of many pixels computes in
bfloat16, as plain torch does, which is faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.word_attention.layout import empty_context, empty_weights

TYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)

BLOCK_PIXELS = 4096
"""Pixels of a block; with 18 words, its scores take 288 KiB in float32."""

SHARED_BLOCK_PIXELS = 32768
"""Pixels of a block that several threads share. They synchronize after every step, which takes long if other
processes delay one of them, so blocks are larger."""

BFLOAT16_BLOCK_PIXELS = 65536
"""Pixels of a block with products in bfloat16, whose setup costs more than their computation."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some pixels of some samples."""

    samples: slice
    pixels: slice
    words: int
    """Later words are padding in all of the samples."""
    hidden: Bool[Tensor, "k m 1"] | None
    """True where one of these words is padding; None if none is."""


def blocks(padding: Bool[Tensor, "b l"], pixels: int, dtype: torch.dtype) -> Iterator[Block]:
    """Divide the work into blocks; `dtype` is that of the products."""
    size = max_pixels(dtype)
    together = max(1, size // max(1, pixels))
    batch, longest = padding.shape
    positions = torch.arange(1, longest + 1, device=padding.device)
    ends = torch.where(padding, 0, positions).amax(dim=1).tolist()
    for first in range(0, batch, together):
        samples = slice(first, min(first + together, batch))
        words = max(1, *ends[samples])
        part = padding[samples, :words]
        hidden = part[:, :, None] if part.any() else None
        for start in range(0, pixels, size):
            yield Block(samples, slice(start, min(start + size, pixels)), words, hidden)


def max_pixels(dtype: torch.dtype) -> int:
    """The maximum number of pixels of a block."""
    if dtype is torch.bfloat16:
        return BFLOAT16_BLOCK_PIXELS
    return BLOCK_PIXELS if torch.get_num_threads() == 1 else SHARED_BLOCK_PIXELS


def attend(
    block: Block, rows: Float[Tensor, "b l c"], queries: Float[Tensor, "k c p"], buffer: Float[Tensor, "_"]
) -> Float[Tensor, "k m p"]:
    """The weights of a block; `buffer` holds their scores, or both in place."""
    samples, _, count = queries.shape
    scores = buffer[: samples * block.words * count].view(samples, block.words, count)
    torch.bmm(rows[block.samples, : block.words], queries, out=scores)
    if block.hidden is not None:
        scores.masked_fill_(block.hidden, torch.finfo(scores.dtype).min)
    if samples > 1 or scores.dtype is torch.bfloat16:
        return scores.softmax(dim=1)
    # In place is faster, except for many samples of few pixels, and too inexact in bfloat16.
    scores.sub_(scores.amax(dim=1, keepdim=True)).exp_()
    return scores.mul_(scores.sum(dim=1, keepdim=True).reciprocal_())


def forward(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    join: bool,
    weights: bool,
) -> tuple[Float[Tensor, "b _ h w"], Tensor]:
    """The context, after the features with `join`, and the weights with `weights`; see `op`."""
    channels, longest = words.shape[1:]
    out = empty_context(features, join=join)
    maps = empty_weights(features, longest, needed=weights)
    if join:
        out[:, :channels].copy_(features)
    pixels, context = features.flatten(2), out[:, -channels:].flatten(2)
    columns = readable(words, padding, torch.promote_types(words.dtype, torch.float32))
    rows = columns.transpose(1, 2).contiguous()
    buffer = score_buffer(rows, pixels)
    for block in blocks(padding, pixels.shape[2], rows.dtype):
        here = block.samples, slice(None), block.pixels
        attention = attend(block, rows, pixels[here].to(rows.dtype), buffer)
        write(context[here], columns[block.samples, :, : block.words], attention)
        if weights:
            if block.hidden is not None:
                attention.masked_fill_(block.hidden, 0)
            target = maps.flatten(2)[here]
            target[:, : block.words] = attention
            target[:, block.words :] = 0
    return out, maps


def backward(
    gradient: Float[Tensor, "b _ h w"],
    weights_gradient: Float[Tensor, "b l h w"] | None,
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    join: bool,
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b c l"]]:
    """Gradients of the features and the words.

    With P the weights, G the gradient of the context and M that of the weights:

        dP = E^T G + M      dS = P (dP - sum over words of P dP)      dH = E dS      dE = G P^T + H dS^T
    """
    channels = words.shape[1]
    features_gradient = empty_context(features, join=False)
    pixels, incoming, target = (
        maps.flatten(2) for maps in (features, gradient[:, -channels:], features_gradient)
    )
    joined = gradient[:, :channels].flatten(2) if join else None
    precise = torch.promote_types(words.dtype, torch.float32)
    many = words.dtype is torch.bfloat16 and pixels.shape[0] * pixels.shape[2] >= BFLOAT16_BLOCK_PIXELS // 2
    columns = readable(words, padding, words.dtype if many else precise)
    words_gradient = torch.zeros_like(columns, dtype=precise)
    rows = columns.transpose(1, 2).contiguous()
    buffer, second = score_buffer(rows, pixels), score_buffer(rows, pixels)
    for block in blocks(padding, pixels.shape[2], rows.dtype):
        here = block.samples, slice(None), block.pixels
        queries, upstream = pixels[here].to(rows.dtype), incoming[here].to(rows.dtype)
        attention = attend(block, rows, queries, buffer)
        weights_grad = second[: attention.numel()].view_as(attention)
        torch.bmm(rows[block.samples, : block.words], upstream, out=weights_grad)
        if weights_gradient is not None:
            added = weights_gradient.flatten(2)[here][:, : block.words]
            weights_grad.add_(added if block.hidden is None else added.masked_fill(block.hidden, 0))
        scores_grad = torch._softmax_backward_data(weights_grad, attention, 1, attention.dtype)
        part = columns[block.samples, :, : block.words]
        write(target[here], part, scores_grad, added=None if joined is None else joined[here])
        words_grad = words_gradient[block.samples, :, : block.words]
        words_grad.add_(torch.bmm(upstream, attention.transpose(1, 2)))
        words_grad.add_(torch.bmm(queries, scores_grad.transpose(1, 2)))
    return features_gradient, words_gradient.masked_fill_(padding[:, None], 0).to(words.dtype)


def readable(
    words: Float[Tensor, "b c l"], padding: Bool[Tensor, "b l"], dtype: torch.dtype
) -> Float[Tensor, "b c l"]:
    """The words in the type of the products, zero where there is none."""
    return words.to(dtype).masked_fill(padding[:, None], 0).contiguous()


def write(
    target: Float[Tensor, "k c p"],
    words: Float[Tensor, "k c m"],
    shares: Float[Tensor, "k m p"],
    *,
    added: Float[Tensor, "k c p"] | None = None,
) -> None:
    """Write the words, mixed by `shares`, plus `added` into a block of a map."""
    if target.dtype is not words.dtype:
        mixed = torch.bmm(words, shares)
        target.copy_(mixed if added is None else mixed.add_(added))
    elif added is None:
        torch.bmm(words, shares, out=target)
    else:
        torch.baddbmm(added, words, shares, out=target)


def score_buffer(rows: Float[Tensor, "b l c"], pixels: Float[Tensor, "b c n"]) -> Float[Tensor, "_"]:
    """A buffer for the scores of a block, reused by all blocks."""
    batch, longest, _ = rows.shape
    return rows.new_empty(longest * min(max_pixels(rows.dtype), batch * pixels.shape[2]))
