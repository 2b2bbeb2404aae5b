"""Layers of networks: products, convolutions, normalisations, recurrent layers, resampling."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.fx import Node

from attnforge.export.web.places import zipped
from attnforge.export.web.steps import Shape, Steps, shape_of, without_equivalent


def batch_norm(steps: Steps, node: Node, args: Any) -> list[int]:
    """Batch normalisation in evaluation mode."""
    source, weight, bias, mean, variance, _, epsilon = args
    shape = shape_of(source)
    both = [steps.value(part) for part in (weight, bias) if isinstance(part, Node)]
    inputs = [steps.value(part) for part in (source, mean, variance)] + both
    options = {"outer": shape[0], "channels": shape[1], "inner": math.prod(shape[2:]), "epsilon": epsilon}
    return [steps.add("normalize", inputs, **options)]


def layer_norm(steps: Steps, node: Node, args: Any) -> list[int]:
    """Layer normalisation."""
    source, normalized, weight, bias, epsilon = args
    shape = shape_of(source)
    length = math.prod(normalized)
    options = {"outer": math.prod(shape) // length, "length": length, "epsilon": epsilon}
    value = steps.add("standardize", [steps.value(source)], **options)
    return [_scaled(steps, value, shape, weight, bias, tuple(normalized))]


def group_norm(steps: Steps, node: Node, args: Any) -> list[int]:
    """Group normalisation."""
    source, weight, bias, rows, channels, _, groups, epsilon = args
    shape = shape_of(source)
    outer = rows * groups
    options = {"outer": outer, "length": math.prod(shape) // outer, "epsilon": epsilon}
    value = steps.add("standardize", [steps.value(source)], **options)
    own = (channels, *[1] * (len(shape) - 2))
    return [_scaled(steps, value, shape, weight, bias, own)]


def _scaled(steps: Steps, value: int, shape: Shape, weight: Any, bias: Any, own: Shape) -> int:
    for function, part in (("mul", weight), ("add", bias)):
        if isinstance(part, Node):
            value = zipped(steps, function, [(value, shape), (steps.value(part), own)], shape)
    return value


def resampled(steps: Steps, node: Node, args: Any) -> int:
    """Enlarging, reducing and pooling, by what becomes of images with a single row or column of ones."""
    source, *others = args
    *outer, height, width = shape_of(source)

    def plane(images: Tensor) -> Tensor:
        result: Tensor = node.target(images[:, None], *others, **node.kwargs)  # type: ignore[operator]
        return result[:, 0]

    tall = plane(torch.eye(height, device="cpu")[:, :, None].expand(-1, -1, width))[:, :, 0]
    wide = plane(torch.eye(width, device="cpu")[:, None, :].expand(-1, height, -1))[:, 0, :]
    options = {"planes": math.prod(outer), "height": height, "width": width}
    shares = {"rows": _shares(tall), "columns": _shares(wide)}
    return steps.add("resample", [steps.value(source)], **options, **shares)


def _shares(influence: Float[Tensor, "before after"]) -> list[list[tuple[int, float]]]:
    """For each row of the result: which rows of the image it is made of, and how much of each."""
    return [
        [(place, float(f"{share:.8g}")) for place, share in enumerate(row) if share]
        for row in influence.T.tolist()
    ]


def max_pool(steps: Steps, node: Node, args: Any) -> list[int]:
    """The largest number of each patch of an image."""
    source, kernel, *options = args
    defaults: list[Any] = [[], [0], [1], False]
    stride, padding, dilation, ceiling = options + defaults[len(options) :]
    if any(padding) or set(dilation) != {1} or ceiling:
        raise without_equivalent("aten.max_pool2d_with_indices with borders or gaps")
    *outer, height, width = shape_of(source)
    sizes = {"kernel": kernel, "stride": stride or kernel, "size": node.meta["val"][0].shape[-2:]}
    planes = {"planes": math.prod(outer), "height": height, "width": width}
    return [steps.add("largest", [steps.value(source)], **planes, **sizes)]


def product(steps: Steps, node: Node, args: Any) -> int:
    """A product of matrices, or of as many pairs of them."""
    return _multiplied(steps, *args[-2:])


def _multiplied(steps: Steps, left: Any, right: Any) -> int:
    *batch, rows, depth = shape_of(left)
    options = {"batch": math.prod(batch), "rows": rows, "depth": depth, "columns": shape_of(right)[-1]}
    return steps.add("multiply", [steps.value(left), steps.value(right)], **options)


def biased_product(steps: Steps, node: Node, args: Any) -> int:
    """A product of matrices to which a bias is added, as in a linear layer."""
    bias, left, right = args
    scales = {name: node.kwargs.get(name, 1) for name in ("alpha", "beta")}
    shape = shape_of(node)
    value = _multiplied(steps, left, right)
    if scales["alpha"] != 1:
        value = zipped(steps, "mul", [(value, shape), scales["alpha"]], shape)
    scaled: Any = bias
    if scales["beta"] != 1:
        own = shape_of(bias)
        scaled = (zipped(steps, "mul", [bias, scales["beta"]], own), own)
    return zipped(steps, "add", [(value, shape), scaled], shape)


def convolution(steps: Steps, node: Node, args: Any) -> int:
    """A convolution along one axis or two, transposed or not."""
    source, weight, bias, stride, padding, dilation, transposed, _, groups = args
    shape, kernel, result = shape_of(source), shape_of(weight), shape_of(node)

    def plane(lengths: Any, single: int) -> list[int]:
        """The numbers of both axes; a convolution along one axis has images of one row."""
        return [single] * (2 - len(lengths)) + [int(length) for length in lengths]

    if len(shape) > 4 or (transposed and (groups != 1 or set(dilation) != {1})):
        raise without_equivalent("aten.convolution with groups or gaps, transposed or in three dimensions")
    height, width = plane(shape[2:], 1)
    options = {
        "batch": shape[0],
        "channels": shape[1],
        "height": height,
        "width": width,
        "results": result[1],
        "kernel": plane(kernel[2:], 1),
        "stride": plane(stride, 1),
        "padding": plane(padding, 0),
        "dilation": plane(dilation, 1),
        "groups": groups,
        "size": plane(result[2:], 1),
    }
    name = "convolve_transposed" if transposed else "convolve"
    value = steps.add(name, [steps.value(source), steps.value(weight)], **options)
    if isinstance(bias, Node):
        own = (result[1], *[1] * (len(result) - 2))
        value = zipped(steps, "add", [(value, result), (steps.value(bias), own)], result)
    return value


def lstm(steps: Steps, node: Node, args: Any) -> list[int]:
    """A recurrent layer, with its outputs and its last states."""
    source, states, weights, biases, layers, _, _, bidirectional, batch_first = args
    shape = shape_of(source)
    batch, length = shape[:2] if batch_first else shape[1::-1]
    inputs = [steps.value(part) for part in (source, *states, *weights)]
    return steps.add_several(
        "lstm",
        inputs,
        outputs=3,
        batch=batch,
        steps=length,
        width=shape[2],
        units=shape_of(states[0])[-1],
        layers=layers,
        directions=2 if bidirectional else 1,
        biases=biases,
        batchFirst=batch_first,
    )
