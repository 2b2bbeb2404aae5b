"""What the Triton programs multiply: vectors as rows, in the type that a precision asks for."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Kind = Literal["half", "tf32", "float32"]
"""How numbers are multiplied: 16 bits, float32 in one product of tensor cores, or float32 kept whole."""


def factors_of(precision: str, inputs: torch.dtype) -> tuple[torch.dtype, Kind]:
    """The type of factors, and how they are multiplied.

    Args:
        precision: `auto`, `float32`, `tf32`, `float16` or `bfloat16`.
        inputs: The type of words and regions, which `auto` takes.
    """
    name = str(inputs).removeprefix("torch.") if precision == "auto" else precision
    if name == "tf32":
        return torch.float32, "tf32"
    dtype: torch.dtype = getattr(torch, name)
    return dtype, "float32" if dtype is torch.float32 else "half"


def rows_of(vectors: Float[Tensor, "b d n"], dtype: torch.dtype) -> Float[Tensor, "b n d"]:
    """Vectors as rows without gaps, copied only where they are not."""
    turned = vectors.transpose(1, 2)
    if turned.dtype is dtype and turned.is_contiguous():
        return turned
    return torch.empty(turned.shape, dtype=dtype, device=turned.device).copy_(turned)
