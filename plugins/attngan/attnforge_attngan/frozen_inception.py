"""Inception-v3 with frozen weights: the same outputs and state dict for less work.

Batch normalisation with fixed statistics is a scale and a shift per channel, which fold into the convolution
before it. And where torchvision averages a map and then convolves it 1 x 1, both are linear: averaging can
come second, when the map has a quarter of the channels. Both are exact up to rounding.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import inception_v3  # type: ignore[import-untyped]
from torchvision.models.inception import (  # type: ignore[import-untyped]
    BasicConv2d,
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)


def frozen_inception() -> nn.Module:
    """Torchvision's Inception-v3 with random weights, which folds its normalisation in evaluation mode."""
    blocks = [
        FoldingConvolution,
        AveragedLastA,
        partial(InceptionB, conv_block=FoldingConvolution),
        AveragedLastC,
        partial(InceptionD, conv_block=FoldingConvolution),
        AveragedLastE,
        InceptionAux,
    ]
    network: nn.Module = inception_v3(
        weights=None, aux_logits=False, transform_input=False, init_weights=False, inception_blocks=blocks
    )
    return network


@dataclass(frozen=True, slots=True)
class Folded:
    """A convolution with the normalisation behind it folded in."""

    weight: Float[Tensor, "o i h w"]
    bias: Float[Tensor, "o"]
    source: tuple[object, ...]
    """Identifies the tensors that were folded, by address and version."""


class FoldingConvolution(BasicConv2d):  # type: ignore[misc]
    """Convolution, batch normalisation and ReLU; with fixed statistics, the first two are folded.

    The folded weights are not part of the state dict, and are recomputed when their source tensors change.
    """

    def __init__(self, in_channels: int, out_channels: int, **options: object) -> None:
        super().__init__(in_channels, out_channels, **options)
        self._folded: Folded | None = None

    def forward(self, features: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o _ _"]:
        if self.bn.training or self.conv.weight.requires_grad:
            self._folded = None  # a forward pass changes statistics without changing their version
            normalised: Tensor = super().forward(features)
            return normalised
        folded = self.folded(features.device)
        return F.relu(self._convolve(features, folded.weight, folded.bias), inplace=True)

    def averaged(self, features: Float[Tensor, "b i h w"]) -> Float[Tensor, "b o h w"]:
        """`forward` of the features' averages over 3 x 3 pixels; the convolution must be 1 x 1."""
        if self.bn.training or self.conv.weight.requires_grad:
            return self.forward(average(features))
        folded = self.folded(features.device)
        means = average(self._convolve(features, folded.weight, None))
        return F.relu(means + folded.bias[:, None, None], inplace=True)

    def folded(self, device: torch.device) -> Folded:
        """The folded convolution, in autocast's type where that is on."""
        parts = (self.conv.weight, self.bn.weight, self.bn.bias, self.bn.running_mean, self.bn.running_var)
        kind = device.type
        available = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
        dtype = torch.get_autocast_dtype(kind) if available else self.conv.weight.dtype
        source = (dtype, *((part.device, part.data_ptr(), part._version) for part in parts))
        if self._folded is None or self._folded.source != source:
            # inference tensors could not be used in training
            exact = torch.autocast(kind, enabled=False) if available else nullcontext()
            with torch.inference_mode(False), torch.no_grad(), exact:
                factor = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
                weight = self.conv.weight * factor[:, None, None, None]
                bias = self.bn.bias - self.bn.running_mean * factor
                weight = weight.to(dtype)
                if kind == "cpu":  # every map is then channels last, where these convolutions are faster
                    weight = weight.contiguous(memory_format=torch.channels_last)
                self._folded = Folded(weight, bias.to(dtype), source)
        return self._folded

    def _convolve(self, features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.conv2d(features, weight, bias, stride=self.conv.stride, padding=self.conv.padding)


def average(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Means over 3 x 3 pixels, with zero padding counted in."""
    return F.avg_pool2d(features, kernel_size=3, stride=1, padding=1)


class AveragedLastA(InceptionA):  # type: ignore[misc]
    """The block of 35 x 35 maps (Szegedy et al., 2016, figure 5)."""

    def __init__(self, in_channels: int, pool_features: int) -> None:
        super().__init__(in_channels, pool_features, conv_block=FoldingConvolution)

    def _forward(self, features: Tensor) -> list[Tensor]:
        return [
            self.branch1x1(features),
            self.branch5x5_2(self.branch5x5_1(features)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(features))),
            self.branch_pool.averaged(features),
        ]


class AveragedLastC(InceptionC):  # type: ignore[misc]
    """The block of 17 x 17 maps (Szegedy et al., 2016, figure 6)."""

    def __init__(self, in_channels: int, channels_7x7: int) -> None:
        super().__init__(in_channels, channels_7x7, conv_block=FoldingConvolution)

    def _forward(self, features: Tensor) -> list[Tensor]:
        short = self.branch7x7_2(self.branch7x7_1(features))
        long = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(features)))
        return [
            self.branch1x1(features),
            self.branch7x7_3(short),
            self.branch7x7dbl_5(self.branch7x7dbl_4(long)),
            self.branch_pool.averaged(features),
        ]


class AveragedLastE(InceptionE):  # type: ignore[misc]
    """The block of 8 x 8 maps (Szegedy et al., 2016, figure 7)."""

    def __init__(self, in_channels: int) -> None:
        super().__init__(in_channels, conv_block=FoldingConvolution)

    def _forward(self, features: Tensor) -> list[Tensor]:
        short = self.branch3x3_1(features)
        long = self.branch3x3dbl_2(self.branch3x3dbl_1(features))
        return [
            self.branch1x1(features),
            torch.cat((self.branch3x3_2a(short), self.branch3x3_2b(short)), dim=1),
            torch.cat((self.branch3x3dbl_3a(long), self.branch3x3dbl_3b(long)), dim=1),
            self.branch_pool.averaged(features),
        ]
