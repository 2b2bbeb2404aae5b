"""GAWWN's networks with official weights, and the inputs that they had."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
from attnforge_gawwn.box_discriminator import BoxDiscriminator
from attnforge_gawwn.box_generator import BoxGenerator
from attnforge_gawwn.keypoint_discriminator import KeypointDiscriminator
from attnforge_gawwn.keypoint_generator import KeypointGenerator
from attnforge_gawwn.layout import Layout, LayoutDiscriminator, LayoutGenerator
from golden_vectors import weights
from torch import Tensor, nn

from attnforge.interfaces import Prompt
from attnforge.specs import DiscriminatorSpec, GeneratorSpec
from attnforge.values import TextFeatures

Network = TypeVar("Network", bound=nn.Module)
SYSTEM = "gawwn"
BOX, KEYPOINTS = {"box": (4,)}, {"keypoints": (15, 3)}
CHANNELS, DISCRIMINATOR_CHANNELS, TEXT, SENTENCE, NOISE = 8, 6, 10, 24, 12


def numbered(official: str, numbers: tuple[int, ...], ours: str, indices: tuple[int, ...]) -> dict[str, str]:
    """Names of several layers of one sequence."""
    return {f"{official}.{number}": f"{ours}.{index}" for number, index in zip(numbers, indices, strict=True)}


def bottleneck(official: str, ours: str) -> dict[str, str]:
    return numbered(official, (1, 2, 4, 5, 7, 8), f"{ours}.residual", (0, 1, 3, 4, 6, 7))


def trunk(official: str) -> dict[str, str]:
    return numbered(official, (2, 4, 6, 7, 9, 10), "layers", (0, 2, 4, 5, 7, 8))


def ends() -> dict[str, str]:
    """What both discriminators of images have behind their local path."""
    return {
        **numbered("netD.1.2.1.1", (2, 3, 5, 6), "whole", (0, 1, 3, 4)),
        **numbered("netD.1.2", (4, 5, 7, 8), "whole_joint", (0, 1, 3, 4)),
        **numbered("netD", (3, 4, 6), "head", (0, 1, 3)),
    }


NAMES: Mapping[str, Mapping[str, str]] = {
    "bbox_generator": {
        "netG.1.1.1.1.1.4": "global_noise",
        "netG.1.1.1.1.2.1.1.2.2": "text",
        "netG.1.2.1.1.1.1.1.2": "local_noise",
        **numbered("netG.1.1.1.1.2", (7, 8, 10, 11, 13, 14), "placed_text", (0, 1, 3, 4, 6, 7)),
        **numbered("netG.1.1", (3, 4, 6, 7, 9, 10), "whole", (0, 1, 3, 4, 6, 7)),
        **numbered("netG.1.2.1.1", (3, 4, 8, 9, 13, 14), "object", (0, 1, 3, 4, 6, 7)),
        **bottleneck("netG.1.2.1.1.5.1", "object.2"),
        **bottleneck("netG.1.2.1.1.10.1", "object.5"),
        **numbered("netG", (3, 4), "mix", (0, 1)),
        **numbered("netG", (6, 7, 9, 10, 12), "paint", (0, 1, 3, 4, 6)),
    },
    "bbox_discriminator": {
        **trunk("netD.1.1.1.1.1.1.1"),
        "netD.1.1.1.1.1.2.1.3": "text.0",
        **numbered("netD.1.1.1.1", (3, 4), "joint", (0, 1)),
        **numbered("netD.1.1", (5, 6, 8), "local", (0, 1, 3)),
        **numbered("netD.1.2.1.2", (7, 8, 10, 11), "placed_text", (0, 1, 3, 4)),
        **ends(),
    },
    "keypoint_generator": {
        "netG.1.1.1.1.1.1.1.2": "project_noise",
        "netG.1.1.1.1.1.1.2.2": "text",
        **numbered("netG.1.1.1.1", (2, 3), "whole_vector", (0, 1)),
        **numbered("netG.1.1.1.2", (1, 2, 4, 5, 7, 8), "placed", (0, 1, 3, 4, 6, 7)),
        **numbered("netG.1.1", (4, 5, 7, 8, 10, 11), "whole", (0, 1, 3, 4, 6, 7)),
        **numbered("netG.1.2.1.1", (2, 3), "local_vector", (0, 1)),
        **numbered("netG.1.2", (3, 4), "local", (0, 1)),
        **numbered("netG", (4, 5, 7, 8), "mix", (0, 1, 3, 4)),
        **bottleneck("netG.9.2", "mix.5"),
        **numbered("netG", (12, 13, 15, 16, 18), "paint", (0, 1, 3, 4, 6)),
    },
    "keypoint_discriminator": {
        **trunk("netD.1.1.1.1.1.1.1.1"),
        "netD.1.1.1.1.1.1.1.2.1.2": "text.0",
        **numbered("netD.1.1.1.1.1.1", (3, 4), "joint", (0, 1)),
        **numbered("netD.1.1", (4, 5, 7), "local", (0, 1, 3)),
        **ends(),
    },
    "keypoints_only_generator": {
        "netG.1.1.1.1.1.1.1": "project_noise.0",
        "netG.1.1.1.1.1.2.1": "text.0",
        **numbered("netG.1.1.1.1.1.3", (2, 3, 5, 6), "known", (0, 1, 3, 4)),
        **numbered("netG.1.1.1.1", (3, 4, 6, 7, 9, 10, 12), "layers", (0, 1, 3, 4, 6, 7, 9)),
    },
    "keypoints_only_discriminator": {
        **numbered("netD.1.1", (2, 3, 5, 6), "points", (0, 1, 3, 4)),
        **numbered("netD.1.2", (1, 2, 4, 5), "text", (0, 1, 3, 4)),
        **numbered("netD", (3, 4, 6), "head", (0, 1, 3)),
    },
}
"""Our name of each official layer, by network."""


def box_generator(*, elements: int = 1) -> BoxGenerator:
    """The generator with boxes, with the weights of the golden numbers."""
    spec = GeneratorSpec(words=SENTENCE, extras=BOX)
    network = BoxGenerator(spec, channels=CHANNELS, noise=NOISE, elements=elements)
    return load(network, "bbox_generator")


def box_discriminator() -> BoxDiscriminator:
    """The discriminator with boxes, with the weights of the golden numbers."""
    spec = DiscriminatorSpec(image_size=128, sentence=SENTENCE, extras=BOX)
    return load(BoxDiscriminator(spec, channels=DISCRIMINATOR_CHANNELS, text=TEXT), "bbox_discriminator")


def keypoint_generator() -> KeypointGenerator:
    """The generator with key points, with the weights of the golden numbers."""
    spec = GeneratorSpec(words=SENTENCE, extras=KEYPOINTS)
    return load(KeypointGenerator(spec, channels=CHANNELS, noise=NOISE), "keypoint_generator")


def keypoint_discriminator() -> KeypointDiscriminator:
    """The discriminator with key points, with the weights of the golden numbers."""
    spec = DiscriminatorSpec(image_size=128, sentence=SENTENCE, extras=KEYPOINTS)
    network = KeypointDiscriminator(spec, channels=DISCRIMINATOR_CHANNELS, text=TEXT)
    return load(network, "keypoint_discriminator")


def layout_generator() -> LayoutGenerator:
    """The generator of key points, with the weights of the golden numbers."""
    network = LayoutGenerator(words=SENTENCE, points=15, layout=Layout(channels=CHANNELS, noise=NOISE))
    return load(network, "keypoints_only_generator")


def layout_discriminator() -> LayoutDiscriminator:
    """The discriminator of key points, with the weights of the golden numbers."""
    network = LayoutDiscriminator(words=SENTENCE, points=15, channels=CHANNELS)
    return load(network, "keypoints_only_discriminator")


def load(network: Network, name: str) -> Network:
    """The network with official weights."""
    official = {our_name(key, name): value for key, value in weights(SYSTEM, name).items()}
    counters = {key: value for key, value in network.state_dict().items() if key.endswith("batches_tracked")}
    network.load_state_dict({**official, **counters})
    return network


def our_name(key: str, network: str) -> str:
    """Our name of an official tensor."""
    layer, _, leaf = key.rpartition(".")
    return f"{NAMES[network][layer]}.{leaf}"


def gradient_norms(network: nn.Module, name: str) -> Tensor:
    """The norm of each parameter's gradient, in the official order."""
    parameters = dict(network.named_parameters())
    keys = [key for key in weights(SYSTEM, name) if not key.rpartition(".")[2].startswith("running")]
    gradients = [parameters[our_name(key, name)].grad for key in keys]
    return torch.stack([torch.zeros(()) if grad is None else grad.norm() for grad in gradients])


def official_images(name: str, count: int = 3) -> Tensor:
    """The named images of an official run."""
    values = np.random.RandomState(zlib.crc32(name.encode())).uniform(-1, 1, (count, 3, 128, 128))
    return torch.from_numpy(values.astype(np.float32))


def prompt_of(sentence: Tensor, **extras: Tensor) -> Prompt:
    """A prompt of sentence vectors and extras."""
    padding = torch.zeros(len(sentence), 1, dtype=torch.bool)
    text = TextFeatures(words=sentence[:, :, None], sentence=sentence, padding=padding)
    return Prompt.of(text, extras=extras)
