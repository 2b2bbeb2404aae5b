"""Inception-v3 with torchvision's blocks, or with those of the TensorFlow graph on which FID was defined.

The graph's averages leave padding out, and its last block takes maxima instead of averages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import inception_v3  # type: ignore[import-untyped]
from torchvision.models.inception import (  # type: ignore[import-untyped]
    BasicConv2d,
    Inception3,
    InceptionA,
    InceptionAux,
    InceptionB,
    InceptionC,
    InceptionD,
    InceptionE,
)

_LAYERS = (
    *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
    *("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
    *("Mixed_5b", "Mixed_5c", "Mixed_5d"),
    *("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
    *("Mixed_7a", "Mixed_7b", "Mixed_7c", "avgpool"),
)
Pool = Callable[[Tensor], Tensor]
average: Pool = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
"""Means over 3 x 3 pixels; at the border, of the pixels inside."""
maximum: Pool = partial(F.max_pool2d, kernel_size=3, stride=1, padding=1)


class Inception(nn.Module):
    """The layers of Inception-v3 up to its pooled features, and the last layer.

    Args:
        network: Torchvision's network, with any blocks.
        biased: Whether logits have the last layer's bias; the inception score of 2016 has none.
    """

    def __init__(self, network: nn.Module, *, biased: bool) -> None:
        super().__init__()
        self.network = network
        self.biased = biased

    def pooled(self, images: Float[Tensor, "b 3 299 299"]) -> Float[Tensor, "b 2048"]:
        """The features after the average over the map."""
        features: Tensor = images
        for name in _LAYERS:
            features = self.network.get_submodule(name)(features)
        return features.flatten(1)

    def logits(self, pooled: Float[Tensor, "b 2048"]) -> Float[Tensor, "b k"]:
        """Of the classes."""
        bias = self.network.get_parameter("fc.bias") if self.biased else None
        return F.linear(pooled, self.network.get_parameter("fc.weight"), bias)


def inception(blocks: Literal["torchvision", "ported"], *, classes: int) -> Inception:
    """The network with random weights."""
    options: dict[str, Any] = {"aux_logits": False, "transform_input": False, "init_weights": False}
    if blocks == "torchvision":
        return Inception(inception_v3(weights=None, num_classes=classes, **options), biased=True)
    pools = iter((average, maximum))

    def block_e(channels: int) -> nn.Module:
        return PortedE(channels, pool=next(pools))

    cut = [BasicConv2d, PortedA, InceptionB, PortedC, InceptionD, block_e, InceptionAux]
    return Inception(Inception3(num_classes=classes, inception_blocks=cut, **options), biased=False)


class PortedA(InceptionA):  # type: ignore[misc]
    """The block of 35 x 35 maps (Szegedy et al., 2016, figure 5)."""

    def _forward(self, features: Tensor) -> list[Tensor]:
        return [
            self.branch1x1(features),
            self.branch5x5_2(self.branch5x5_1(features)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(features))),
            self.branch_pool(average(features)),
        ]


class PortedC(InceptionC):  # type: ignore[misc]
    """The block of 17 x 17 maps (Szegedy et al., 2016, figure 6)."""

    def _forward(self, features: Tensor) -> list[Tensor]:
        short = self.branch7x7_2(self.branch7x7_1(features))
        long = self.branch7x7dbl_2(self.branch7x7dbl_1(features))
        return [
            self.branch1x1(features),
            self.branch7x7_3(short),
            self.branch7x7dbl_5(self.branch7x7dbl_4(self.branch7x7dbl_3(long))),
            self.branch_pool(average(features)),
        ]


class PortedE(InceptionE):  # type: ignore[misc]
    """The block of 8 x 8 maps (Szegedy et al., 2016, figure 7).

    Args:
        in_channels: Channels of the map.
        pool: What the last branch takes over 3 x 3 pixels.
    """

    def __init__(self, in_channels: int, *, pool: Pool) -> None:
        super().__init__(in_channels)
        self.pool = pool

    def _forward(self, features: Tensor) -> list[Tensor]:
        short = self.branch3x3_1(features)
        long = self.branch3x3dbl_2(self.branch3x3dbl_1(features))
        return [
            self.branch1x1(features),
            torch.cat((self.branch3x3_2a(short), self.branch3x3_2b(short)), dim=1),
            torch.cat((self.branch3x3dbl_3a(long), self.branch3x3dbl_3b(long)), dim=1),
            self.branch_pool(self.pool(features)),
        ]
