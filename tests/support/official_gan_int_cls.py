"""GAN-INT-CLS's networks with official weights, and the inputs that they had."""

from __future__ import annotations

import re
import zlib
from typing import TypeVar

import numpy as np
import torch
from attnforge_gan_int_cls.discriminator import MatchingAwareDiscriminator
from attnforge_gan_int_cls.generator import DeepConvolutionalGenerator
from golden_vectors import weights
from torch import Tensor, nn

from attnforge.interfaces import Prompt
from attnforge.specs import DiscriminatorSpec, GeneratorSpec
from attnforge.values import TextFeatures

Network = TypeVar("Network", bound=nn.Module)
SYSTEM = "gan_int_cls"
GENERATOR_LAYERS = {3: 0, 4: 1, 5: 2, 8: 3, 9: 4, 10: 5, 13: 6, 14: 7, 16: 9, 17: 10, 19: 12}
"""The official number of each layer, and ours."""
DISCRIMINATOR_LAYERS = {
    "discriminator": {1: 0, 3: 2, 4: 3, 6: 5, 7: 6, 8: 8, 9: 9, 10: 10},
    "discriminator_main_cls": {1: 0, 3: 2, 4: 3, 6: 5, 7: 6, 9: 8, 10: 9, 11: 10},
}
JOINT_LAYERS = {3: 0, 4: 1, 6: 3}


def official_generator(*, official_bias: str = "train") -> DeepConvolutionalGenerator:
    """The generator with the weights of the golden numbers."""
    network = DeepConvolutionalGenerator(
        GeneratorSpec(words=48),
        channels=8,
        noise=12,
        text=12,
        official_bias=official_bias,  # type: ignore[arg-type]
    )
    return load(network, "generator")


def official_discriminator(
    name: str = "discriminator", *, official_bias: str = "train"
) -> MatchingAwareDiscriminator:
    """A discriminator with the weights of the golden numbers."""
    network = MatchingAwareDiscriminator(
        DiscriminatorSpec(image_size=64, sentence=48),
        channels=4,
        text=12,
        program="birds" if name == "discriminator" else "photographs",
        official_bias=official_bias,  # type: ignore[arg-type]
    )
    return load(network, name)


def load(network: Network, name: str) -> Network:
    """The network with official weights."""
    official = {our_name(key, name): value for key, value in weights(SYSTEM, name).items()}
    counters = {key: value for key, value in network.state_dict().items() if key.endswith("batches_tracked")}
    network.load_state_dict({**official, **counters})
    return network


def our_name(key: str, network: str) -> str:
    """Our name of an official tensor."""
    path, _, leaf = key.partition(".")[2].rpartition(".")
    numbers = [int(number) for number in re.findall(r"\d+", path)]
    match network, numbers:
        case "generator", [1, 2, 1]:
            return f"text.0.{leaf}"
        case "generator", [layer, *inner]:
            return f"layers.{GENERATOR_LAYERS[layer]}{_residual(inner)}.{leaf}"
        case _, [1, 2, layer]:
            return f"text.{layer - 1}.{leaf}"
        case _, [1, 1, layer, *inner]:
            return f"layers.{DISCRIMINATOR_LAYERS[network][layer]}{_residual(inner)}.{leaf}"
        case _, [layer]:
            return f"joint.{JOINT_LAYERS[layer]}.{leaf}"
    raise ValueError(key)


def gradient_norms(network: nn.Module, name: str) -> Tensor:
    """The norm of each parameter's gradient, in the official order."""
    parameters = dict(network.named_parameters())
    keys = [key for key in weights(SYSTEM, name) if not key.rpartition(".")[2].startswith("running")]
    gradients = [parameters[our_name(key, name)].grad for key in keys]
    return torch.stack([torch.zeros(()) if grad is None else grad.norm() for grad in gradients])


def official_images(name: str, count: int = 4) -> Tensor:
    """The named images of an official run."""
    values = np.random.RandomState(zlib.crc32(name.encode())).uniform(-1, 1, (count, 3, 64, 64))
    return torch.from_numpy(values.astype(np.float32))


def prompt_of(sentence: Tensor) -> Prompt:
    """A prompt of sentence vectors alone."""
    padding = torch.zeros(len(sentence), 1, dtype=torch.bool)
    return Prompt.of(TextFeatures(words=sentence[:, :, None], sentence=sentence, padding=padding))


def _residual(inner: list[int]) -> str:
    """The path inside a bottleneck, whose residual is the second branch."""
    return f".residual.{inner[1] - 1}" if inner else ""
