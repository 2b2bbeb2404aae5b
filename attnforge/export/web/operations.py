"""What torch's operations become in a page: the steps of `operations.js`."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.export import ExportedProgram, default_decompositions
from torch.fx import Node

from attnforge.export.web.layers import (
    batch_norm,
    biased_product,
    convolution,
    group_norm,
    layer_norm,
    lstm,
    max_pool,
    product,
    resampled,
)
from attnforge.export.web.places import (
    around,
    cat,
    copied,
    embedding,
    flip,
    gather,
    index,
    index_select,
    pad,
    view,
    zipped,
)
from attnforge.export.web.steps import Lower, Steps, shape_of

MAPPED = {
    **{name: name for name in ("relu", "tanh", "sigmoid", "silu", "exp", "log", "sqrt", "rsqrt")},
    **{name: name for name in ("reciprocal", "neg", "sign", "abs", "sin", "cos", "floor", "trunc")},
    "logical_not": "not",
    "bitwise_not": "not",
}
"""Functions of single numbers."""
ZIPPED = {
    **{f"{name}.Tensor": name for name in ("add", "sub", "mul", "div", "remainder")},
    **{f"{name}.Scalar": name for name in ("remainder",)},
    **{
        f"{name}.{kind}": name
        for name in ("eq", "ne", "ge", "gt", "le", "lt")
        for kind in ("Tensor", "Scalar")
    },
    "maximum.default": "maximum",
    "minimum.default": "minimum",
    "pow.Tensor_Scalar": "pow",
    "logical_and.default": "and",
    "logical_or.default": "or",
    "bitwise_and.Tensor": "and",
    "bitwise_or.Tensor": "or",
}
"""Functions of two numbers, of arrays that are repeated where their shapes differ."""
SAME = ("clone", "alias", "detach", "lift_fresh_copy")
"""Operations that change nothing in a page, where values never change."""
RESAMPLED = ("upsample_nearest2d.vec", "upsample_bilinear2d.vec", "upsample_bicubic2d.vec",
             "avg_pool2d.default", "_adaptive_avg_pool2d.default")  # fmt: skip
"""Operations of which each row and each column of the result is a sum of rows and columns of the image."""


def decomposed(program: ExportedProgram) -> ExportedProgram:
    """The program in operations that pages know, as far as torch can express others by them."""
    rules: dict[Any, Any] = dict(default_decompositions())
    known = {operation: rule for operation, rule in rules.items() if str(operation) not in LOWERED}
    result: ExportedProgram = program.run_decompositions(known)
    return result


def _div(steps: Steps, node: Node, args: Any) -> int:
    value = zipped(steps, "div", args[:2], shape_of(node))
    rounding = node.kwargs.get("rounding_mode")
    return value if rounding is None else steps.add("map", [value], function=rounding)


def _full_like(steps: Steps, node: Node, args: Any) -> int:
    return steps.constant(torch.full(shape_of(node), args[1], device="cpu"))


def _mapped(function: str) -> Lower:
    return lambda steps, node, args: steps.add("map", [steps.value(args[0])], function=function)


def _zip(function: str) -> Lower:
    def lower(steps: Steps, node: Node, args: Any) -> int:
        first, second = args[:2]
        alpha = node.kwargs.get("alpha", 1)
        if alpha != 1 and isinstance(second, Node):
            second = (zipped(steps, "mul", [second, alpha], shape_of(second)), shape_of(second))
        return zipped(steps, function, [first, second], shape_of(node))

    return lower


def _same(steps: Steps, node: Node, args: Any) -> int:
    return steps.value(args[0])


def _softmax(steps: Steps, node: Node, args: Any) -> int:
    source, dim = args[:2]
    shape = shape_of(node)
    return steps.add("softmax", [steps.value(source)], **around(shape, int(dim) % len(shape)))


def _glu(steps: Steps, node: Node, args: Any) -> int:
    shape = shape_of(args[0])
    dim = int(args[1]) % len(shape) if len(args) > 1 else len(shape) - 1
    options = {"outer": math.prod(shape[:dim]), "half": math.prod(shape[dim:]) // 2}
    return steps.add("glu", [steps.value(args[0])], **options)


def _reduced(function: str, *, mean: bool = False) -> Lower:
    def lower(steps: Steps, node: Node, args: Any) -> int:
        source = args[0]
        shape = shape_of(source)
        chosen = args[1] if len(args) > 1 else []
        dims = sorted(
            dim % len(shape) for dim in ([chosen] if isinstance(chosen, int) else chosen or range(len(shape)))
        )
        value = steps.value(source)
        if dims != list(range(dims[0], dims[-1] + 1)):
            order = [dim for dim in range(len(shape)) if dim not in dims] + dims
            base = torch.empty(shape, device="meta")
            turned = base.permute(order)
            value, shape = copied(steps, value, turned, base), tuple(turned.shape)
            dims = list(range(len(shape) - len(dims), len(shape)))
        sizes = around(shape, dims[0], dims[-1])
        result = steps.add("reduce", [value], function=function, **sizes)
        if not mean:
            return result
        reduced = (sizes["outer"], sizes["inner"])
        return zipped(steps, "div", [(result, reduced), sizes["length"]], reduced)

    return lower


def _like(value: float) -> Lower:
    return lambda steps, node, args: steps.constant(torch.full(shape_of(node), value, device="cpu"))


def _to_dtype(steps: Steps, node: Node, args: Any) -> int:
    source = args[0]
    before, after = source.meta["val"].dtype, node.meta["val"].dtype
    if after is torch.bool:
        return zipped(steps, "ne", [source, 0.0], shape_of(node))
    if before.is_floating_point and not after.is_floating_point:
        return steps.add("map", [steps.value(source)], function="trunc")
    return steps.value(source)


def _clamp(steps: Steps, node: Node, args: Any) -> int:
    source, *limits = args
    return steps.add("map", [steps.value(source)], function="clamp", numbers=list(limits))


def _leaky_relu(steps: Steps, node: Node, args: Any) -> int:
    source, *slope = args
    return steps.add("map", [steps.value(source)], function="leaky_relu", numbers=slope or [0.01])


def _where(steps: Steps, node: Node, args: Any) -> int:
    return zipped(steps, "where", args, shape_of(node))


def _masked_fill(steps: Steps, node: Node, args: Any) -> int:
    source, mask, value = args
    return zipped(steps, "where", [mask, value, source], shape_of(node))


_RULES: dict[str, Lower] = {
    **{f"{name}.default": _mapped(function) for name, function in MAPPED.items()},
    **{name: _zip(function) for name, function in ZIPPED.items()},
    **{f"{name}.default": _same for name in SAME},
    **dict.fromkeys(RESAMPLED, resampled),
    "flip.default": flip,
    "constant_pad_nd.default": pad,
    "cat.default": cat,
    "embedding.default": embedding,
    "gather.default": gather,
    "index_select.default": index_select,
    "softmax.int": _softmax,
    "_softmax.default": _softmax,
    "glu.default": _glu,
    "sum.dim_IntList": _reduced("sum"),
    "mean.dim": _reduced("sum", mean=True),
    "amax.default": _reduced("amax"),
    "amin.default": _reduced("amin"),
    **{f"any.{kind}": _reduced("amax") for kind in ("default", "dim", "dims")},
    **{f"all.{kind}": _reduced("amin") for kind in ("default", "dim", "dims")},
    "_native_batch_norm_legit_no_training.default": batch_norm,
    "native_layer_norm.default": layer_norm,
    "native_group_norm.default": group_norm,
    "mm.default": product,
    "bmm.default": product,
    "addmm.default": biased_product,
    "convolution.default": convolution,
    "lstm.input": lstm,
    "max_pool2d_with_indices.default": max_pool,
    "div.Tensor_mode": _div,
    "index.Tensor": index,
    "full_like.default": _full_like,
    "zeros_like.default": _like(0.0),
    "ones_like.default": _like(1.0),
    "_to_copy.default": _to_dtype,
    "to.dtype": _to_dtype,
    "clamp.default": _clamp,
    "leaky_relu.default": _leaky_relu,
    "where.self": _where,
    "masked_fill.Scalar": _masked_fill,
}

LOWERED: dict[str, Lower] = {**{f"aten.{name}": rule for name, rule in _RULES.items()}, "view": view}
"""What each operation becomes, by its name; `view` is for all that take a part of an array or repeat it."""
