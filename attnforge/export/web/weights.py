"""Weights as one text for a page, in few bytes each."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Literal, TypedDict

import numpy as np
import torch
from torch import Tensor

from attnforge.export.web.steps import PageArray

Precision = Literal["int8", "float16"]
"""How matrices and kernels are stored; `int8` has a factor for each row. Vectors are stored as they are."""
LARGEST_FLOAT16 = 65_504.0


class StoredArray(TypedDict):
    """Where an array lies among the bytes; see `arrays.js`."""

    type: Literal["int8", "float16", "float32"]
    at: int
    """The place of its first byte, or of the factors of its rows before it."""
    rows: int
    count: int


class Weights:
    """Arrays, stored one after another.

    Args:
        arrays: The arrays.
        precision: How those with more than one dimension are stored.
    """

    def __init__(self, arrays: Sequence[PageArray], *, precision: Precision) -> None:
        self.arrays: list[StoredArray] = []
        content = bytearray()
        for page_array in arrays:
            array = page_array.numbers
            rows = array.shape[0] if array.ndim else 1
            kind = "float32" if page_array.exact else _kind(array, precision)
            self.arrays.append(StoredArray(type=kind, at=len(content), rows=rows, count=array.numel()))
            content += _stored(array, kind)
            content += bytes(-len(content) % 4)
        self.content = bytes(content)

    def text(self) -> str:
        """All bytes, compressed, in base64."""
        return base64.b64encode(zlib.compress(self.content, 9)).decode("ascii")


def as_stored(array: Tensor, precision: Precision) -> Tensor:
    """What a page computes with: the array after it was stored and read again."""
    kind = _kind(array, precision)
    if kind == "float16":
        return array.half().float()
    if kind == "int8":
        factors, numbers = _quantized(array)
        return (numbers * factors[:, None]).view(array.shape)
    return array


def _kind(array: Tensor, precision: Precision) -> Precision | Literal["float32"]:
    """Vectors are few, and some, such as variances, span too many orders of magnitude for fewer bits."""
    if sum(length > 1 for length in array.shape) < 2 or not array.is_floating_point():
        return "float32"
    if precision == "float16" and not float(array.abs().max()) <= LARGEST_FLOAT16:
        return "float32"
    return precision


def _stored(array: Tensor, kind: str) -> bytes:
    if kind == "int8":
        factors, numbers = _quantized(array)
        return factors.numpy().tobytes() + numbers.to(torch.int8).numpy().tobytes()
    kinds: dict[str, type[np.floating]] = {"float16": np.float16, "float32": np.float32}
    return np.ascontiguousarray(array.detach().float().numpy().astype(kinds[kind])).tobytes()


def _quantized(array: Tensor) -> tuple[Tensor, Tensor]:
    """The factor of each row, and whole numbers from -127 to 127."""
    rows = array.detach().float().reshape(array.shape[0], -1)
    largest = rows.abs().amax(dim=1)
    factors = torch.where(largest > 0, largest / 127, torch.ones_like(largest))
    return factors, (rows / factors[:, None]).round().clamp(-127, 127)
