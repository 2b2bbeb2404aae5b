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
from attnforge.kernels.word_attention.layout import room_for_context, room_for_weights


@dataclass(frozen=True, slots=True)
class Steps:
    """The strides of a map's samples, channels, rows and columns."""

    sample: int
    channel: int
    row: int
    column: int
    flat: bool
    """Whether one stride leads from each pixel to the next, over the ends of rows too."""


def steps(values: Tensor) -> Steps:
    """The strides of a map of any layout; a single row or column may have any stride."""
    _, _, height, width = values.shape
    sample, channel, row, column = values.stride()
    if width == 1:
        column = row
    return Steps(sample, channel, row, column, height == 1 or row == width * column)


def forward(
    features: Float[Tensor, "b c h w"],
    words: Float[Tensor, "b c l"],
    padding: Bool[Tensor, "b l"],
    *,
    join: bool,
    weights: bool,
) -> tuple[Float[Tensor, "b _ h w"], Tensor]:
    """Context, behind the features with `join`, and the weights if wanted; see `op`."""
    batch, channels, height, width = features.shape
    longest = words.shape[2]
    out = room_for_context(features, join=join)
    maps = room_for_weights(features, longest, wanted=weights)
    asking, giving = steps(features), steps(out)
    program, constants = launches.prepared("attend", features, longest)

    def grid(options: dict[str, Any]) -> tuple[int, int]:
        return triton.cdiv(height * width, options["SPAN"]), batch

    with device_of(features):
        program[grid](
            features, words, padding, out, maps,
            height * width, width, channels, longest,
            asking.sample, asking.channel, asking.row, asking.column,
            *words.stride(), *padding.stride(),
            giving.sample, giving.channel, giving.column,
            FLAT=asking.flat, JOIN=join, GIVE_WEIGHTS=weights, **constants,
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
    target = room_for_context(features, join=False)
    program, constants = launches.prepared("learn", features, longest)
    parts = triton.cdiv(height * width, launches.SPAN)
    words_gradient = features.new_empty((parts, batch, channels, longest), dtype=torch.float32)
    of_maps = weights_gradient is not None
    maps = weights_gradient if weights_gradient is not None else gradient
    giving, counting, asking, taking = steps(gradient), steps(maps), steps(features), steps(target)
    with device_of(features):
        program[parts, batch](
            gradient, maps, features, words, padding, target, words_gradient,
            height * width, width, channels, longest,
            giving.sample, giving.channel, giving.row, giving.column,
            counting.sample, counting.channel, counting.row, counting.column,
            asking.sample, asking.channel, asking.row, asking.column,
            *words.stride(), *padding.stride(),
            taking.sample, taking.channel, taking.column,
            FLAT=giving.flat and counting.flat and asking.flat, JOIN=join, OF_WEIGHTS=of_maps,
            **constants,
        )  # fmt: skip
    return target, words_gradient.sum(dim=0).to(words.dtype)
