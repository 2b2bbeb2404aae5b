"""DF-GAN's networks with official weights, and the inputs that the official code had."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from attnforge_df_gan.discriminator import OneWayDiscriminator
from attnforge_df_gan.generator import DeepFusionGenerator
from golden_vectors import renamed, weights
from torch import Tensor, nn

from attnforge.interfaces import (
    AdversarialStep,
    Batch,
    Discriminator,
    Generator,
    GeneratorOutput,
    Progress,
    Prompt,
)
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec

AFFINES = {
    rf"GBlocks\.(\d)\.fuse{fusion}\.affine(\d)\.fc_{official}\.linear{layer}\.": (
        rf"blocks.\1.{name}_fusion.affines.\2.{ours}.{2 * layer - 2}."
    )
    for fusion, name in ((1, "first"), (2, "second"))
    for official, ours in (("gamma", "scale"), ("beta", "shift"))
    for layer in (1, 2)
}
GENERATOR = {
    r"fc\.": "first.",
    **AFFINES,
    r"GBlocks\.(\d)\.c1\.": r"blocks.\1.first.",
    r"GBlocks\.(\d)\.c2\.": r"blocks.\1.second.",
    r"GBlocks\.(\d)\.c_sc\.": r"blocks.\1.shortcut.",
    r"to_rgb\.1\.": "head.",
}
"""Official names of the generator, and ours."""
DISCRIMINATOR = {
    r"conv_img\.": "first.",
    r"(?:DBlocks\.|block)(\d)\.gamma": r"blocks.\1.gain",
    r"(?:DBlocks\.|block)(\d)\.conv_r\.0\.": r"blocks.\1.first.",
    r"(?:DBlocks\.|block)(\d)\.conv_r\.2\.": r"blocks.\1.second.",
    r"(?:DBlocks\.|block)(\d)\.conv_s\.": r"blocks.\1.shortcut.",
    r"(?:COND_DNET\.)?joint_conv\.0\.": "joint.",
    r"(?:COND_DNET\.)?joint_conv\.2\.": "head.",
}
"""Official names of discriminator and predictor, and ours; SSA-GAN's, too."""


def official_generator(rgb_scale: Tensor) -> DeepFusionGenerator:
    """The generator of 256 pixels with 4 channels and official weights."""
    generator = DeepFusionGenerator(GeneratorSpec(words=20), channels=4, noise=12)
    generator.load_state_dict(renamed(weights("df_gan", "generator"), GENERATOR))
    with torch.no_grad():
        generator.head.weight.mul_(rgb_scale)
        generator.head.bias.mul_(rgb_scale)
    return generator


def official_discriminator(score_scale: Tensor | float) -> OneWayDiscriminator:
    """DF-GAN's discriminator of 256 pixels with 4 channels and official weights."""
    official = weights("df_gan", "discriminator") | weights("df_gan", "predictor")
    discriminator = OneWayDiscriminator(
        DiscriminatorSpec(image_size=256, sentence=20), channels=4, unused_shortcuts=True
    )
    discriminator.load_state_dict(renamed(official, DISCRIMINATOR))
    with torch.no_grad():
        discriminator.head.weight.mul_(score_scale)
    return discriminator


def ssa_gan_discriminator() -> OneWayDiscriminator:
    """SSA-GAN's discriminator of 256 pixels with 4 channels, at most 64, and official weights."""
    discriminator = OneWayDiscriminator(
        DiscriminatorSpec(image_size=256, sentence=256), channels=4, max_channels=64, unused_shortcuts=True
    )
    discriminator.load_state_dict(renamed(weights("df_gan", "ssa_gan_discriminator"), DISCRIMINATOR))
    return discriminator


def prompt_of(sentence: Tensor) -> Prompt:
    """A prompt of sentences; DF-GAN uses no words."""
    count, dim = sentence.shape
    return Prompt(torch.zeros(count, dim, 1), sentence, torch.zeros(count, 1, dtype=torch.bool))


def official_images(name: str, size: int = 256) -> Tensor:
    """The named batch of three images in [-1, 1] that the official code had."""
    values = np.random.RandomState(zlib.crc32(f"{name}{size}".encode())).uniform(-1, 1, (3, 3, size, size))
    return torch.from_numpy(values.astype(np.float32))


LOSS_SPEC = LossSpec(
    words=20, vocabulary_size=9, image_sizes=(256,), unconditional=False, image_encoder=False
)


def adversarial_step(
    real: Tensor,
    prompt: Prompt,
    discriminator: Discriminator,
    *,
    fake: GeneratorOutput | None = None,
    generator: Generator | None = None,
) -> AdversarialStep:
    """A step on these real images; without `fake`, with black ones."""
    count = len(real)
    batch = Batch(
        image=real,
        tokens=torch.ones(count, 1, dtype=torch.int64),
        lengths=torch.ones(count, dtype=torch.int64),
        class_ids=torch.arange(count),
        captions=("a bird",) * count,
        keys=tuple(map(str, range(count))),
    )
    size = real.shape[-1]
    return AdversarialStep(
        batch=batch,
        progress=Progress(step=1, steps=2, batch_size=count, images=count),
        prompt=prompt,
        real=(real,),
        fake=fake or GeneratorOutput(images=(-torch.ones_like(real),), attention=()),
        generator=generator
        or DeepFusionGenerator(GeneratorSpec(words=20), image_size=size, channels=1, noise=2),
        discriminators=(discriminator,),
    )


def gradient_norms(network: nn.Module, names: Iterable[str]) -> Tensor:
    """The norm of the gradient of each of these parameters, 0 where there is none."""
    gradients = [network.get_parameter(name).grad for name in names]
    return torch.stack([torch.zeros(()) if gradient is None else gradient.norm() for gradient in gradients])


def parameter_names(network: str, rules: Mapping[str, str]) -> list[str]:
    """Our names of an official network's parameters, in the official order."""
    return list(renamed(weights("df_gan", network), rules))
