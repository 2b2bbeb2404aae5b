"""R3GAN's networks with the names and values of the official ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

import torch
from attnforge_r3gan.discriminator import R3GANDiscriminator
from attnforge_r3gan.generator import R3GANGenerator
from torch import Tensor, nn

from attnforge.interfaces import Prompt
from attnforge.specs import DiscriminatorSpec, GeneratorSpec

Network = TypeVar("Network", bound=nn.Module)
CLASSES = 5
CHANNELS = (16, 16, 8, 8)
BLOCKS = (2, 1, 1, 1)
GROUP_CHANNELS = 8
NOISE = 10
EMBEDDING = 6

_LAYERS = (
    (r"LinearLayer1\.Layer\.weight", "expand.weight"),
    (r"LinearLayer2\.Layer\.weight", "mix.weight"),
    (r"LinearLayer3\.Layer\.weight", "reduce.weight"),
    (r"NonLinearity1\.Bias", "expand_bias"),
    (r"NonLinearity2\.Bias", "mix_bias"),
    (r"Resampler\.Kernel", "kernel"),
    (r"LinearLayer\.Layer\.weight", "convolution.weight"),
)


def generator(weights: Mapping[str, Tensor]) -> R3GANGenerator:
    """The generator with official weights; without an embedding among them, it disregards the sentence."""
    network = R3GANGenerator(
        GeneratorSpec(words=CLASSES),
        noise=NOISE,
        channels=CHANNELS,
        blocks=BLOCKS,
        group_channels=GROUP_CHANNELS,
        embedding=EMBEDDING,
    )
    named = {_generator_name(name): value for name, value in weights.items()}
    if "embedding.weight" not in named:
        named["embedding.weight"] = torch.zeros(EMBEDDING, CLASSES)
        named["scale.weight"] = nn.functional.pad(named["scale.weight"], (0, EMBEDDING))
    return _loaded(network, named)


def discriminator(weights: Mapping[str, Tensor]) -> R3GANDiscriminator:
    """The discriminator with official weights; without an embedding among them, its unconditional head."""
    conditional = "EmbeddingLayer.weight" in weights
    network = R3GANDiscriminator(
        DiscriminatorSpec(image_size=32, sentence=CLASSES),
        channels=CHANNELS,
        blocks=BLOCKS,
        group_channels=GROUP_CHANNELS,
        embedding=EMBEDDING,
        unconditional=not conditional,
    )
    named = {_discriminator_name(name): value for name, value in weights.items()}
    if not conditional:
        named["alone.weight"] = named.pop("match.weight")
        named["match.weight"], named["embedding.weight"] = torch.zeros(6, 16), torch.zeros(6, CLASSES)
    return _loaded(network, named)


def name_of(official: str, network: nn.Module) -> str:
    """Our name of an official weight."""
    if isinstance(network, R3GANGenerator):
        return _generator_name(official)
    ours = _discriminator_name(official)
    unconditional = isinstance(network, R3GANDiscriminator) and network.unconditional
    return "alone.weight" if unconditional and ours == "match.weight" else ours


def renamed(official: str) -> str:
    """Our name of an official weight inside a block or a resampling layer."""
    for pattern, replacement in _LAYERS:
        official = re.sub(rf"(^|\.){pattern}$", rf"\g<1>{replacement}", official)
    return official


def class_prompt(labels: Tensor) -> Prompt:
    """Captions whose sentence vectors are the classes, one-hot."""
    count = len(labels)
    return Prompt(
        words=torch.zeros(count, CLASSES, 1),
        sentence=nn.functional.one_hot(labels, CLASSES).float(),
        padding=torch.zeros(count, 1, dtype=torch.bool),
    )


def _generator_name(official: str) -> str:
    fixed = {
        "MainLayers.0.Layers.0.Basis": "base",
        "MainLayers.0.Layers.0.LinearLayer.weight": "scale.weight",
        "AggregationLayer.Layer.weight": "image.weight",
        "EmbeddingLayer.weight": "embedding.weight",
    }
    if official in fixed:
        return fixed[official]
    _, resolution, _, layer, rest = official.split(".", 4)
    position = int(layer) - (resolution == "0")  # the base comes first there
    return renamed(f"resolutions.{resolution}.{position}.{rest}")


def _discriminator_name(official: str) -> str:
    fixed = {"ExtractionLayer.Layer.weight": "image.weight", "EmbeddingLayer.weight": "embedding.weight"}
    if official in fixed:
        return fixed[official]
    _, resolution, _, layer, rest = official.split(".", 4)
    last = {"Basis.weight": "pool.weight", "LinearLayer.weight": "match.weight"}
    return last.get(rest) or renamed(f"resolutions.{resolution}.{layer}.{rest}")


def _loaded(network: Network, named: Mapping[str, Tensor]) -> Network:
    kernels = {name for name in named if name.endswith("kernel")}  # constants, which are not saved
    network.load_state_dict({name: value for name, value in named.items() if name not in kernels})
    return network
