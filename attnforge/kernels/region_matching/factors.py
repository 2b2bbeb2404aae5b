"""The factors that Triton programs multiply: vectors as rows, in the type of a precision."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

Kind = Literal["half", "tf32", "float32"]
"""How numbers are multiplied: 16 bits, float32 in one product on tensor cores, or full float32."""

ROW_MULTIPLE = 16
"""Rows are padded to a multiple of this size, so that they can be read 16 bytes or more at a time."""


def factors_of(precision: str, inputs: torch.dtype) -> tuple[torch.dtype, Kind]:
    """The type of factors, and how they are multiplied.

    Args:
        precision: `auto`, `float32`, `tf32`, `float16` or `bfloat16`.
        inputs: The type of words and regions, which `auto` selects.
    """
    name = str(inputs).removeprefix("torch.") if precision == "auto" else precision
    if name == "tf32":
        return torch.float32, "tf32"
    dtype: torch.dtype = getattr(torch, name)
    return dtype, "float32" if dtype is torch.float32 else "half"


def rows_of(vectors: Float[Tensor, "b d n"], dtype: torch.dtype, kind: Kind) -> Float[Tensor, "b n w"]:
    """Vectors as rows without gaps, padded with zeros to a multiple of ROW_MULTIPLE; copied only if needed.

    Args:
        vectors: The vectors.
        dtype: The type of factors.
        kind: How they are multiplied. GPUs truncate float32 to TF32, so it is rounded here first, which
            halves the error and removes its bias.
    """
    transposed = vectors.transpose(1, 2)
    batch, count, width = transposed.shape
    padding = -width % ROW_MULTIPLE
    if kind == "tf32":
        transposed = rounded_to_tf32(transposed.to(dtype))
    if transposed.dtype is dtype and transposed.is_contiguous() and not padding:
        return transposed
    rows = transposed.new_empty(batch, count, width + padding, dtype=dtype)
    if not padding:
        return rows.copy_(transposed)
    rows[..., :width].copy_(transposed)
    rows[..., width:].zero_()
    return rows


def rounded_to_tf32(values: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
    """Float32 values with the 10 bits of TF32, rounded to nearest, ties to even."""
    bits = values.view(torch.int32)
    raised = bits + 0xFFF + ((bits >> 13) & 1)
    return torch.where(values.isfinite(), raised & -8192, bits).view(torch.float32)


def sums_of(vectors: Float[Tensor, "b d n"], width: int) -> Float[Tensor, "b w"]:
    """The sum of each set of vectors in float32, with zeros up to `width`."""
    sums = vectors.sum(dim=2, dtype=torch.float32)
    return sums if sums.shape[1] == width else pad(sums, (0, width - sums.shape[1]))
