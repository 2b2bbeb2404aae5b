"""The official initialisation of generator and discriminators."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd


def initialise(network: nn.Module) -> None:
    """Initialise the weights of a network as the official AttnGAN code does.

    Weights of convolutions and linear layers are orthogonal with gain 1 (Saxe et al., 2014), biases of
    linear layers 0; gains of batch normalisation are drawn from N(1, 0.02), their biases are 0. Biases of
    convolutions and all other parameters stay unchanged.
    """
    for module in network.modules():
        if isinstance(module, _ConvNd | nn.Linear):
            nn.init.orthogonal_(module.weight)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, _BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
