"""With official weights, RAT-GAN's generator gives the official numbers."""

from __future__ import annotations

import re

import pytest
import torch
from attnforge_rat_gan.generator import RecurrentAffineGenerator
from golden_vectors import assert_near, normal, renamed, vectors, weights
from torch import Tensor

from attnforge.interfaces import Prompt
from attnforge.specs import GeneratorSpec

NAMES = {
    r"lstm\.W": "conditions.read.weight",
    r"lstm\.bias": "conditions.read.bias",
    r"lstm\.U": "conditions.recur.weight",
    r"lstm\.noise2h": "conditions.first_hidden",
    r"lstm\.noise2c": "conditions.first_cell",
    r"fc\.": "first.",
    r"block(\d)\.affine(\d)\.fc_gamma\.linear1": r"blocks.\1.affine.\2.gain.0",
    r"block(\d)\.affine(\d)\.fc_gamma\.linear2": r"blocks.\1.affine.\2.gain.2",
    r"block(\d)\.affine(\d)\.fc_beta\.linear1": r"blocks.\1.affine.\2.bias.0",
    r"block(\d)\.affine(\d)\.fc_beta\.linear2": r"blocks.\1.affine.\2.bias.2",
    r"block(\d)\.c1": r"blocks.\1.first",
    r"block(\d)\.c2": r"blocks.\1.second",
    r"block(\d)\.c_sc": r"blocks.\1.shortcut",
    r"block(\d)\.gamma": r"blocks.\1.scale",
    r"conv_img\.1": "output.convolution",
}
"""Official names, and ours."""
UNUSED = re.compile(r"block\d\.(affine4|affine5|fea_l|fea_ll)\.")
"""Layers that the official generator has and never calls."""


def official_generator(rgb_scale: Tensor) -> RecurrentAffineGenerator:
    """The generator with 4 channels and official weights."""
    generator = RecurrentAffineGenerator(GeneratorSpec(words=256), channels=4)
    used = {name: value for name, value in weights("rat_gan", "generator").items() if not UNUSED.match(name)}
    state = renamed(used, NAMES)
    for name in ("conditions.read.weight", "conditions.recur.weight"):
        state[name] = state[name].T  # official: input x output
    for name in ("output.convolution.weight", "output.convolution.bias"):
        state[name] = state[name] * rgb_scale
    generator.load_state_dict(state)
    return generator


def sentence() -> Tensor:
    """The official sentences."""
    return 0.5 * normal("sentence", 3, 256)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_images(mode: str) -> None:
    expected = vectors("rat_gan", f"generator_{mode}")
    generator = official_generator(expected["rgb_scale"]).train(mode == "train")
    prompt = Prompt(torch.zeros(3, 256, 1), sentence(), torch.zeros(3, 1, dtype=torch.bool))
    with torch.no_grad():
        image = generator(expected["noise"], prompt).images[0]
    assert_near(image[..., ::13, ::13], expected["image_every13"])
    assert_near(image.mean(dim=(2, 3)), expected["image_mean"])
    assert_near(image.std(dim=(2, 3)), expected["image_std"])


def test_recurrent_states() -> None:
    expected = vectors("rat_gan", "generator_eval")
    conditions = official_generator(expected["rgb_scale"]).conditions
    with torch.no_grad():
        assert_near(conditions.first_hidden(expected["noise"])[:, ::16], expected["h0_every16"])
        assert_near(conditions.first_cell(expected["noise"])[:, ::16], expected["c0_every16"])
        states = torch.stack(conditions(expected["noise"], sentence(), layers=28))
    assert_near(states[..., ::16], expected["hidden_every16"])


def test_the_published_size_but_for_layers_that_are_never_called() -> None:
    with torch.device("meta"):
        generator = RecurrentAffineGenerator(GeneratorSpec(words=256))
    widths = [
        width for block in generator.blocks for width in (block.first.in_channels, block.first.out_channels)
    ]
    affine = sum(2 * (256 * 256 + 256 + 256 * width + width) for width in widths)  # affine4, affine5
    features = sum(256 * width + 256 for width in widths)  # fea_l, fea_ll
    used = sum(parameter.numel() for parameter in generator.parameters())
    assert used == 32_057_098
    assert used + affine + features == 38_091_658
