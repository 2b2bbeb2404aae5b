"""With official weights, every network and layer gives the official numbers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from attnforge_r3gan.blocks import Downsample, ResidualBlock, Upsample, resampling_kernel
from attnforge_r3gan.discriminator import R3GANDiscriminator
from attnforge_r3gan.generator import R3GANGenerator
from r3gan_official import class_prompt, discriminator, generator, renamed
from torch import Tensor, nn

from attnforge.specs import DiscriminatorSpec, GeneratorSpec

Read = Callable[[str], dict[str, Tensor]]
COUNTS = json.loads((Path(__file__).parents[2] / "golden" / "r3gan" / "parameter_counts.json").read_text())
PRESETS: dict[str, tuple[tuple[int, ...], dict[str, Any], int]] = {
    "CIFAR10": ((768,) * 4, {}, 0),
    "FFHQ-64": ((768, 768, 768, 768, 384), {}, 0),
    "FFHQ-256": ((768, 768, 768, 768, 384, 192, 96), {}, 0),
    "ImageNet-32": ((1536,) * 4, {"group_channels": 32}, 1000),
    "ImageNet-64": ((1536,) * 5, {"group_channels": 32}, 1000),
}
"""Widths, other options and number of classes of each published model."""


def close(actual: Tensor, expected: Tensor, *, tolerance: float = 1e-4) -> None:
    """Equal to a share of the array's spread."""
    spread = (expected.max() - expected.min()).item()
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * spread)


def test_resampling(golden: Read) -> None:
    expected = golden("resample")
    torch.testing.assert_close(resampling_kernel(), expected["kernel"])
    close(Upsample(5, 5)(expected["input"]), expected["up"])
    close(Downsample(5, 5)(expected["input"]), expected["down"])


def test_a_residual_block_and_its_gradient(golden: Read, official_weights: Read) -> None:
    expected = golden("residual_block")
    block = ResidualBlock(16, expansion=2, group_channels=8, blocks=1)
    block.load_state_dict(
        {renamed(name): value for name, value in official_weights("residual_block").items()}
    )
    hidden = expected["input"].requires_grad_()
    output = block(hidden)
    close(output.detach(), expected["output"])
    towards = np.random.RandomState(zlib.crc32(b"block.grad")).standard_normal(output.shape)
    (gradient,) = torch.autograd.grad(output, hidden, torch.from_numpy(towards.astype(np.float32)))
    close(gradient, expected["grad_input"], tolerance=1e-3)


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("conditional", [False, True])
def test_networks(
    golden: Read, official_weights: Read, real_images: Tensor, conditional: bool, mode: str
) -> None:
    suffix = "_conditional" if conditional else ""
    expected = golden(f"networks{suffix}")
    generate = generator(official_weights(f"generator{suffix}")).train(mode == "train")
    classify = discriminator(official_weights(f"discriminator{suffix}")).train(mode == "train")
    prompt = class_prompt(expected["labels"])
    with torch.no_grad():
        images = generate.pixels(expected["noise"], prompt.sentence)
        close(images, expected["image"])
        torch.testing.assert_close(generate(expected["noise"], prompt).images, (images.tanh(),))
        caption = prompt if conditional else None
        close(classify.logits(classify.features(real_images), caption), expected["logits_real"])
        close(classify.logits(classify.features(images), caption), expected["logits_fake"])


@pytest.mark.parametrize("preset", PRESETS)
def test_published_models_have_the_published_number_of_weights(preset: str) -> None:
    channels, options, classes = PRESETS[preset]
    size = 4 << (len(channels) - 1)
    with torch.device("meta"):
        generate = R3GANGenerator(GeneratorSpec(words=classes or 1), channels=channels, **options)
        classify = R3GANDiscriminator(
            DiscriminatorSpec(image_size=size, sentence=classes or 1),
            channels=channels,
            unconditional=not classes,
            **options,
        )
    assert generate.image_sizes == (size,)
    excess = {"G": 0, "D": 0}
    if not classes:  # what the published model lacks, since it has no classes
        excess["G"] = generate.embedding.weight.numel() + 64 * channels[0]
        excess["D"] = classify.embedding.weight.numel() + classify.match.weight.numel()
    for name, network in (("G", generate), ("D", classify)):
        assert _weights(network) - excess[name] == COUNTS[preset][name]


def test_a_network_starts_as_the_paper_says() -> None:
    """He's initialisation, the blocks' first two convolutions times L^(-1/4), their last one zero."""
    torch.manual_seed(0)
    generate = R3GANGenerator(GeneratorSpec(words=64), channels=(128, 128, 64), noise=64)
    gain = (2 / 1.04) ** 0.5 * 6**-0.25
    blocks = [module for module in generate.modules() if isinstance(module, ResidualBlock)]
    assert len(blocks) == 6
    for block in blocks:
        for layer in (block.expand, block.mix):
            deviation = float(layer.weight.std()) * layer.weight[0].numel() ** 0.5
            assert deviation == pytest.approx(gain, rel=0.03)
        assert not block.reduce.weight.any()
        assert not block.expand_bias.any()
        assert not block.mix_bias.any()
    assert float(generate.scale.weight.std()) == pytest.approx(128**-0.5, rel=0.03)
    assert float(generate.embedding.weight.std()) == pytest.approx(64**-0.5, rel=0.03)
    assert float(generate.base.std()) == pytest.approx(1, rel=0.06)
    classify = R3GANDiscriminator(DiscriminatorSpec(image_size=8, sentence=64), channels=(128, 64))
    assert float(classify.pool.weight.std()) == pytest.approx(1 / 4, rel=0.05)
    assert float(classify.match.weight.std()) == pytest.approx(128**-0.5, rel=0.03)
    assert float(classify.embedding.weight.std()) == pytest.approx((64 * 128) ** -0.5, rel=0.03)


def _weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())
