"""Word attention in blocks that fit into a processor's cache, with a backward pass that saves nothing.

A block is some pixels of a sample, or some whole samples of few pixels. Its scores live between two products
of matrices and are never written out; the backward pass computes them again. Words stand before pixels
throughout, so that no map is transposed, whichever way it stands in memory. Halves are widened to float32
block by block, and nothing is rounded on the way to a result; only the backward pass of many pixels takes
bfloat16 as it is, as plain torch does, which is faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.word_attention.layout import room_for_context, room_for_weights

TYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)

PIXELS = 4096
"""Pixels of a block; with 18 words, its scores take 288 KiB in float32."""

SHARED_PIXELS = 32768
"""Pixels of a block that several threads share. They wait for one another after every step of it, which takes
long where other processes hold one of them up, so there are fewer steps."""

HALF_PIXELS = 65536
"""Pixels of a block whose products are in bfloat16, which cost more to set up than to carry out."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some pixels of some samples."""

    samples: slice
    pixels: slice
    words: int
    """Words behind these are padding in all of the samples."""
    hidden: Bool[Tensor, "k m 1"] | None
    """True where one of these words is padding; None when none is."""


def blocks(padding: Bool[Tensor, "b l"], pixels: int, dtype: torch.dtype) -> Iterator[Block]:
    """Divide the work; the type is that of the products."""
    most = most_pixels(dtype)
    together = max(1, most // max(1, pixels))
    batch, longest = padding.shape
    places = torch.arange(1, longest + 1, device=padding.device)
    ends = torch.where(padding, 0, places).amax(dim=1).tolist()
    for first in range(0, batch, together):
        samples = slice(first, min(first + together, batch))
        words = max(1, *ends[samples])
        part = padding[samples, :words]
        hidden = part[:, :, None] if part.any() else None
        for start in range(0, pixels, most):
            yield Block(samples, slice(start, min(start + most, pixels)), words, hidden)


def most_pixels(dtype: torch.dtype) -> int:
    """How many pixels a block has at most."""
    if dtype is torch.bfloat16:
        return HALF_PIXELS
    return PIXELS if torch.get_num_threads() == 1 else SHARED_PIXELS


def attend(
    block: Block, rows: Float[Tensor, "b l c"], asking: Float[Tensor, "k c p"], room: Float[Tensor, "_"]
) -> Float[Tensor, "k m p"]:
    """The weights of a block; `room` is where they stand, or the scores that they are made of."""
    samples, _, count = asking.shape
    scores = room[: samples * block.words * count].view(samples, block.words, count)
    torch.bmm(rows[block.samples, : block.words], asking, out=scores)
    if block.hidden is not None:
        scores.masked_fill_(block.hidden, torch.finfo(scores.dtype).min)
    if samples > 1 or scores.dtype is torch.bfloat16:
        return scores.softmax(dim=1)
    # In place is faster, but for many samples of few pixels, and too coarse in bfloat16.
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
    """Context, behind the features with `join`, and the weights if wanted; see `op`."""
    channels, longest = words.shape[1:]
    out = room_for_context(features, join=join)
    maps = room_for_weights(features, longest, wanted=weights)
    if join:
        out[:, :channels].copy_(features)
    pixels, context = features.flatten(2), out[:, -channels:].flatten(2)
    columns = readable(words, padding, torch.promote_types(words.dtype, torch.float32))
    rows = columns.transpose(1, 2).contiguous()
    room = room_for_scores(rows, pixels)
    for block in blocks(padding, pixels.shape[2], rows.dtype):
        here = block.samples, slice(None), block.pixels
        attention = attend(block, rows, pixels[here].to(rows.dtype), room)
        write(context[here], columns[block.samples, :, : block.words], attention)
        if weights:
            if block.hidden is not None:
                attention.masked_fill_(block.hidden, 0)
            given = maps.flatten(2)[here]
            given[:, : block.words] = attention
            given[:, block.words :] = 0
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
    features_gradient = room_for_context(features, join=False)
    pixels, given, target = (one.flatten(2) for one in (features, gradient[:, -channels:], features_gradient))
    passed = gradient[:, :channels].flatten(2) if join else None
    precise = torch.promote_types(words.dtype, torch.float32)
    many = words.dtype is torch.bfloat16 and pixels.shape[0] * pixels.shape[2] >= HALF_PIXELS // 2
    columns = readable(words, padding, words.dtype if many else precise)
    words_gradient = torch.zeros_like(columns, dtype=precise)
    rows = columns.transpose(1, 2).contiguous()
    room, second = room_for_scores(rows, pixels), room_for_scores(rows, pixels)
    for block in blocks(padding, pixels.shape[2], rows.dtype):
        here = block.samples, slice(None), block.pixels
        asking, pulling = pixels[here].to(rows.dtype), given[here].to(rows.dtype)
        attention = attend(block, rows, asking, room)
        wanted = second[: attention.numel()].view_as(attention)
        torch.bmm(rows[block.samples, : block.words], pulling, out=wanted)
        if weights_gradient is not None:
            added = weights_gradient.flatten(2)[here][:, : block.words]
            wanted.add_(added if block.hidden is None else added.masked_fill(block.hidden, 0))
        pulled = torch._softmax_backward_data(wanted, attention, 1, attention.dtype)
        part = columns[block.samples, :, : block.words]
        write(target[here], part, pulled, added=None if passed is None else passed[here])
        learnt = words_gradient[block.samples, :, : block.words]
        learnt.add_(torch.bmm(pulling, attention.transpose(1, 2)))
        learnt.add_(torch.bmm(asking, pulled.transpose(1, 2)))
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
    """Write the words, mixed by shares, into a block of a map, and something added to them."""
    if target.dtype is not words.dtype:
        mixed = torch.bmm(words, shares)
        target.copy_(mixed if added is None else mixed.add_(added))
    elif added is None:
        torch.bmm(words, shares, out=target)
    else:
        torch.baddbmm(added, words, shares, out=target)


def room_for_scores(rows: Float[Tensor, "b l c"], pixels: Float[Tensor, "b c n"]) -> Float[Tensor, "_"]:
    """Room for the scores of any block, used again by every one."""
    batch, longest, _ = rows.shape
    return rows.new_empty(longest * min(most_pixels(rows.dtype), batch * pixels.shape[2]))
