"""Blocks of the generator for sampling alone: batch normalisation is folded into convolutions.

In evaluation mode batch normalisation multiplies and shifts each channel by constants, which the weights
before it can take over: y = g (W x - m) / s + b = (g / s) W x + (b - g m / s).
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .gating import gated, has_short_rows

MAX_BYTES = 24 << 20
"""Size of a map on a CPU: a larger one would come from the system, cleared, each time that it is computed."""


class FoldedConvolution(nn.Conv2d):
    """A 3 x 3 convolution that keeps the size of its map, with the normalisation behind it folded in."""

    def __init__(self, convolution: nn.Conv2d, normalisation: _BatchNorm) -> None:
        weight, bias = folded_weights(convolution.weight, normalisation)
        outputs, inputs = weight.shape[:2]
        super().__init__(inputs, outputs, kernel_size=3, padding=1, device="meta")
        self.weight, self.bias = _constant(weight), _constant(bias)


class FoldedLinear(nn.Linear):
    """A linear layer with the normalisation behind it folded in."""

    def __init__(self, linear: nn.Linear, normalisation: _BatchNorm) -> None:
        weight, bias = folded_weights(linear.weight, normalisation)
        super().__init__(weight.shape[1], weight.shape[0], device="meta")
        self.weight, self.bias = _constant(weight), _constant(bias)


class FoldedUpBlock(nn.Module):
    """Doubles a map as `UpBlock` does, without computing the larger map that the convolution reads.

    Each pixel becomes four, and each of the four sees only 2 x 2 pixels of the smaller map, so one 2 x 2
    convolution returns all four, from 4/9 of the multiplications. The gate writes each to its place.
    """

    def __init__(self, convolution: nn.Conv2d, normalisation: _BatchNorm) -> None:
        super().__init__()
        weight, bias = folded_weights(convolution.weight, normalisation)
        self.weight = _constant(_quarters(weight).contiguous(memory_format=torch.channels_last))
        self.bias = _constant(bias.repeat(4))

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b _ 2*h 2*w"]:
        height, width = hidden.shape[2:]
        outputs = len(self.weight)
        shape = (len(hidden), outputs // 8, 2 * height, 2 * width)
        dtype = torch.get_autocast_dtype(hidden.device.type) if _autocast(hidden) else hidden.dtype
        out = torch.empty(shape, dtype=dtype, device=hidden.device, memory_format=torch.channels_last)
        together = len(hidden)
        if hidden.device.type == "cpu":
            together = max(1, MAX_BYTES // (outputs * (height + 1) * (width + 1) * dtype.itemsize))
        for maps, target in zip(torch.split(hidden, together), torch.split(out, together), strict=True):
            self._write(maps, target)
        return out

    def _write(self, hidden: Float[Tensor, "b c h w"], out: Float[Tensor, "b _ 2*h 2*w"]) -> None:
        height, width = hidden.shape[2:]
        quarters = F.conv2d(hidden, self.weight, self.bias, padding=1).chunk(4, dim=1)
        for number, quarter in enumerate(quarters):
            row, column = divmod(number, 2)
            values, gate = quarter[:, :, row : row + height, column : column + width].chunk(2, dim=1)
            if has_short_rows(gate):
                gate = gate.contiguous(memory_format=torch.channels_last)
            torch.mul(values, gate.sigmoid_(), out=out[:, :, row::2, column::2])


class FoldedResidualBlock(nn.Module):
    """Adds the residual of two convolutions with a gated linear unit between them."""

    def __init__(self, first: FoldedConvolution, second: FoldedConvolution) -> None:
        super().__init__()
        self.first = first
        self.second = second

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        residual: Tensor = self.second(gated(self.first(hidden)))
        return residual.add_(hidden)


class FoldedImageHead(nn.Module):
    """A map to an image, four pixels at a time.

    A convolution to three channels takes as long as one to twelve, so one of stride 2, whose 4 x 4 kernel
    sees all that a block of 2 x 2 pixels depends on, returns the four pixels of each block.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        places = [(row, column) for row in (0, 1) for column in (0, 1)]
        kernels = [F.pad(convolution.weight, (column, 1 - column, row, 1 - row)) for row, column in places]
        self.weight = _constant(torch.stack(kernels, dim=1).flatten(0, 1))

    def forward(self, hidden: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 h w"]:
        return F.pixel_shuffle(F.conv2d(hidden, self.weight, stride=2, padding=1), 2).tanh()


def folded_weights(
    weight: Float[Tensor, "o *rest"], normalisation: _BatchNorm
) -> tuple[Float[Tensor, "o *rest"], Float[Tensor, "o"]]:
    """Weights and bias of a layer without bias together with the normalisation behind it.

    Computed in float64, so that folding rounds once.
    """
    mean, variance = (
        cast("Tensor", values).double() for values in (normalisation.running_mean, normalisation.running_var)
    )
    factor = (variance + normalisation.eps).rsqrt()
    if normalisation.affine:
        factor = factor * normalisation.weight.double()
    shift = -mean * factor
    if normalisation.affine:
        shift = shift + normalisation.bias.double()
    scaled = weight.double() * factor.reshape(-1, *[1] * (weight.dim() - 1))
    return scaled.to(weight.dtype), shift.to(weight.dtype)


def _quarters(weight: Float[Tensor, "o i 3 3"]) -> Float[Tensor, "4*o i 2 2"]:
    """The kernels of the four pixels that one becomes, row by row.

    Of two doubled rows, the upper one sees the row above once and its own twice; the lower one sees its own
    twice and the row below once.
    """
    upper = torch.stack((weight[:, :, 0], weight[:, :, 1] + weight[:, :, 2]), dim=2)
    lower = torch.stack((weight[:, :, 0] + weight[:, :, 1], weight[:, :, 2]), dim=2)
    kernels = []
    for rows in (upper, lower):
        kernels.append(torch.stack((rows[..., 0], rows[..., 1] + rows[..., 2]), dim=3))
        kernels.append(torch.stack((rows[..., 0] + rows[..., 1], rows[..., 2]), dim=3))
    return torch.cat(kernels)


def _autocast(values: Tensor) -> bool:
    return torch.is_autocast_enabled(values.device.type)


def _constant(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values.detach(), requires_grad=False)
