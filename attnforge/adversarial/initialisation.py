"""The official initialisations of generator and discriminators."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

InitialWeights = Literal["orthogonal", "normal"]
"""How weights of convolutions and linear layers are drawn; see `initialise`."""


def initialise(network: nn.Module, *, weights: InitialWeights = "orthogonal") -> None:
    """Initialise the weights of a network as the official AttnGAN code does.

    Weights of convolutions and linear layers are orthogonal with gain 1 (Saxe et al., 2014), or drawn from
    N(0, 0.02) as in StackGAN; biases of linear layers are 0. Gains of batch normalisation are drawn from
    N(1, 0.02), their biases are 0. Biases of convolutions and all other parameters stay unchanged.
    """
    for module in network.modules():
        if isinstance(module, _ConvNd | nn.Linear):
            if weights == "orthogonal":
                nn.init.orthogonal_(module.weight)
            else:
                nn.init.normal_(module.weight, 0.0, 0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, _BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)


def initialise_convolutions(network: nn.Module) -> None:
    """Initialise the weights of a network as the DCGANs of Reed et al. (2016) do.

    Weights of convolutions are drawn from N(0, 0.02) and their biases are 0; gains of batch normalisation are
    drawn from N(1, 0.02). Linear layers stay unchanged: uniform within the inverse root of their inputs.
    """
    for module in network.modules():
        if isinstance(module, _ConvNd):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, _BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
