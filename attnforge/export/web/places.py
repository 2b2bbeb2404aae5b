"""Operations that move numbers: parts of arrays, turned, repeated, joined, and by numbers of places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from attnforge.export.web.steps import Shape, Steps, shape_of, without_equivalent


def strides_in(own: Shape, shape: Shape) -> tuple[int, ...]:
    """How far apart the numbers of an array lie that is repeated to a shape."""
    return torch.empty(own, device="meta").expand(shape).stride()


def merged_dimensions(shape: Shape, strides: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """The same with as few dimensions as possible."""
    lengths: list[int] = []
    merged: list[list[int]] = [[] for _ in strides]
    for place, length in enumerate(shape):
        own = [each[place] for each in strides]
        if length == 1:
            continue
        if lengths and all(kept[-1] == length * stride for kept, stride in zip(merged, own, strict=True)):
            lengths[-1] *= length
            for kept, stride in zip(merged, own, strict=True):
                kept[-1] = stride
        else:
            lengths.append(length)
            for kept, stride in zip(merged, own, strict=True):
                kept.append(stride)
    return lengths, merged


def view(steps: Steps, node: Node, args: Any) -> int | list[int]:
    """A part of an array, turned or repeated, by the strides that torch gives its result."""
    source, *others = args
    base = torch.empty(shape_of(source), device="meta")
    result = node.target(base, *others, **node.kwargs)  # type: ignore[operator]
    views = result if isinstance(result, list | tuple) else [result]
    values = [copied(steps, steps.value(source), view, base) for view in views]
    return values if isinstance(result, list | tuple) else values[0]


def copied(steps: Steps, value: int, view: Tensor, base: Tensor) -> int:
    """The value of a view of an array; the array's own where both are the same numbers in the same order."""
    if view.is_contiguous() and view.numel() == base.numel():
        return value
    shape, (strides,) = merged_dimensions(tuple(view.shape), [view.stride()])
    return steps.add("copy", [value], shape=shape, strides=strides, offset=view.storage_offset())


def flip(steps: Steps, node: Node, args: Any) -> int:
    """An array turned around along some dimensions."""
    source, dims = args
    shape = shape_of(node)
    strides = list(strides_in(shape, shape))
    turned = {dim % len(shape) for dim in dims}
    offset = sum((shape[dim] - 1) * strides[dim] for dim in turned)
    strides = [-stride if dim in turned else stride for dim, stride in enumerate(strides)]
    return steps.add("copy", [steps.value(source)], shape=shape, strides=strides, offset=offset)


def pad(steps: Steps, node: Node, args: Any) -> int:
    """An array with a border of one value."""
    source, padding, *rest = args
    if min(padding) < 0:
        raise without_equivalent("aten.constant_pad_nd with negative numbers")
    outer = shape_of(node)
    befores = [0] * (len(outer) - len(padding) // 2) + list(padding[::2])[::-1]
    strides = strides_in(outer, outer)
    offset = sum(before * stride for before, stride in zip(befores, strides, strict=True))
    options = {"shape": shape_of(source), "strides": strides, "offset": offset, "size": math.prod(outer)}
    return steps.add("paste", [steps.value(source)], **options, value=float(rest[0]) if rest else 0.0)


def cat(steps: Steps, node: Node, args: Any) -> int:
    """Arrays one behind another along a dimension."""
    parts = [part for part in args[0] if 0 not in shape_of(part)]
    shape = shape_of(node)
    dim = int(args[1]) % len(shape) if len(args) > 1 else 0
    return steps.add("join", [steps.value(part) for part in parts], outer=math.prod(shape[:dim]))


def embedding(steps: Steps, node: Node, args: Any) -> int:
    """Rows of a table by their numbers."""
    table, numbers = args[:2]
    return steps.add("select", [steps.value(table), steps.value(numbers)], **around(shape_of(table), 0))


def index_select(steps: Steps, node: Node, args: Any) -> int:
    """Slices along a dimension by their numbers."""
    source, dim, numbers = args
    shape = shape_of(source)
    return steps.add("select", [steps.value(source), steps.value(numbers)], **around(shape, dim % len(shape)))


def index(steps: Steps, node: Node, args: Any) -> int:
    """Slices along a dimension by an array of numbers."""
    source, indices = args
    places = [dim for dim, numbers in enumerate(indices) if numbers is not None]
    if len(places) != 1 or indices[places[0]].meta["val"].dtype is torch.bool:
        raise without_equivalent("aten.index with several arrays of numbers, or with truths")
    inputs = [steps.value(source), steps.value(indices[places[0]])]
    return steps.add("select", inputs, **around(shape_of(source), places[0]))


def gather(steps: Steps, node: Node, args: Any) -> int:
    """Numbers along a dimension, by a place for each number of the result."""
    source, dim, numbers = args[:3]
    shape, places = shape_of(source), shape_of(numbers)
    dim = int(dim) % len(shape)
    # torch allows fewer numbers than the array has along other dimensions
    base = inner = torch.empty(shape, device="meta")
    for other in range(len(shape)):
        if other != dim:
            inner = inner.narrow(other, 0, places[other])
    value = copied(steps, steps.value(source), inner, base)
    options = around(tuple(inner.shape), dim)
    return steps.add("gather", [value, steps.value(numbers)], **options, places=places[dim])


def around(shape: Shape, dim: int, last: int | None = None) -> dict[str, int]:
    """A dimension, or those up to `last`, with the product of those before and behind it."""
    end = (dim if last is None else last) + 1
    return {
        "outer": math.prod(shape[:dim]),
        "length": math.prod(shape[dim:end]),
        "inner": math.prod(shape[end:]),
    }


def zipped(steps: Steps, function: str, operands: Sequence[Any], shape: Shape) -> int:
    """A function of several numbers at each place; operands are nodes, values with shapes, or numbers."""
    inputs, all_strides, fixed = [], [], {}
    for place, operand in enumerate(operands):
        if isinstance(operand, Node):
            inputs.append(steps.value(operand))
            all_strides.append(strides_in(shape_of(operand), shape))
        elif isinstance(operand, tuple):
            value, own = operand
            inputs.append(value)
            all_strides.append(strides_in(own, shape))
        else:
            fixed[place] = float(operand)
            all_strides.append((0,) * len(shape))
    merged, strides = merged_dimensions(shape, all_strides)
    options = {"fixed": fixed} if fixed else {}
    return steps.add("zip", inputs, function=function, shape=merged, strides=strides, **options)
