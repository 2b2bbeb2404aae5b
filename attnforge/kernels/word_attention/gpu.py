"""Launches the Triton programs of word attention; see `programs` for what they compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import triton
from jaxtyping import Bool, Float
from torch import Tensor

from attnforge.kernels.gpu import device_of
from attnforge.kernels.word_attention import launches
from attnforge.kernels.word_attention.layout import empty_context, empty_weights


@dataclass(frozen=True, slots=True)
class Strides:
    """The strides of a map's samples, channels, rows and columns."""

    sample: int
    channel: int
    row: int
    column: int
    flat: bool
    """Whether one stride leads from each pixel to the next, across rows too."""


def strides_of(values: Tensor) -> Strides:
    """The strides of a map in any layout; a single row or column may have any stride."""
    _, _, height, width = values.shape
    sample, channel, row, column = values.stride()
    if width == 1:
        column = row
    return Strides(sample, channel, row, column, height == 1 or row == width * column)


def forward(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    join: bool,
    weights: bool,
) -> tuple[Float[Tensor, "b _ h w"], Tensor]:
    """The context, after the features with `join`, and the weights with `weights`; see `op`."""
    batch, channels, height, width = features.shape
    longest = words.shape[2]
    out = empty_context(features, join=join)
    maps = empty_weights(features, longest, needed=weights)
    source, destination = strides_of(features), strides_of(out)
    program, constants = launches.prepared("attend", features, longest)

    def grid(options: dict[str, Any]) -> tuple[int, int]:
        return triton.cdiv(height * width, options["SPAN"]), batch

    with device_of(features):
        program[grid](
            features, words, padding, out, maps,
            height * width, width, channels, longest,
            source.sample, source.channel, source.row, source.column,
            *words.stride(), *padding.stride(),
            destination.sample, destination.channel, destination.column,
            FLAT=source.flat, JOIN=join, GIVE_WEIGHTS=weights, **constants,
        )  # fmt: skip
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
    """Gradients of the features and the words, by the formulas of `cpu.backward`."""
    batch, channels, height, width = features.shape
    longest = words.shape[2]
    target = empty_context(features, join=False)
    program, constants = launches.prepared("learn", features, longest)
    parts = triton.cdiv(height * width, launches.SPAN)
    words_gradient = features.new_empty((parts, batch, channels, longest), dtype=torch.float32)
    has_weights = weights_gradient is not None
    maps = weights_gradient if weights_gradient is not None else gradient
    grads, weight_grads, source, destination = (
        strides_of(gradient),
        strides_of(maps),
        strides_of(features),
        strides_of(target),
    )
    with device_of(features):
        program[parts, batch](
            gradient, maps, features, words, padding, target, words_gradient,
            height * width, width, channels, longest,
            grads.sample, grads.channel, grads.row, grads.column,
            weight_grads.sample, weight_grads.channel, weight_grads.row, weight_grads.column,
            source.sample, source.channel, source.row, source.column,
            *words.stride(), *padding.stride(),
            destination.sample, destination.channel, destination.column,
            FLAT=grads.flat and weight_grads.flat and source.flat, JOIN=join, OF_WEIGHTS=has_weights,
            **constants,
        )  # fmt: skip
    return target, words_gradient.sum(dim=0).to(words.dtype)
