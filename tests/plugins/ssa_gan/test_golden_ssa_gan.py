"""With official weights, SSA-GAN's generator gives the official numbers."""

from __future__ import annotations

import pytest
import torch
from attnforge_ssa_gan.generator import SemanticSpatialGenerator
from golden_vectors import assert_near, normal, renamed, vectors, weights
from torch import Tensor

from attnforge.interfaces import Prompt
from attnforge.specs import GeneratorSpec

MASK = {r"0\.": "convolution.", r"1\.": "normalisation.", r"3\.": "logits."}
NORM = {"batch_norm2d": "normalisation", r"fc_gamma\.linear1": "gain.0", r"fc_gamma\.linear2": "gain.2"} | {
    r"fc_beta\.linear1": "bias.0",
    r"fc_beta\.linear2": "bias.2",
}
NAMES = {
    r"fc\.": "first.",
    **{rf"conv_mask\.{old}": f"mask_predictors.0.{new}" for old, new in MASK.items()},
    **{
        rf"block{block}\.conv_mask\.{old}": f"mask_predictors.{block + 1}.{new}"
        for block in range(6)
        for old, new in MASK.items()
    },
    **{rf"block(\d)\.affine0\.{old}": rf"blocks.\1.first_norm.{new}" for old, new in NORM.items()},
    **{rf"block(\d)\.affine2\.{old}": rf"blocks.\1.second_norm.{new}" for old, new in NORM.items()},
    r"block(\d)\.c1": r"blocks.\1.first",
    r"block(\d)\.c2": r"blocks.\1.second",
    r"block(\d)\.c_sc": r"blocks.\1.shortcut",
    r"block(\d)\.gamma": r"blocks.\1.scale",
    r"conv_img\.0": "output.normalisation",
    r"conv_img\.2": "output.convolution",
}
"""Official names, and ours."""
STEPS = {4: 1, 8: 1, 16: 1, 32: 3, 64: 5, 128: 11, 256: 23}
"""Of each size of mask, every how many rows and columns are stored."""


def official_generator(rgb_scale: Tensor) -> SemanticSpatialGenerator:
    """The generator with 4 channels and official weights."""
    generator = SemanticSpatialGenerator(GeneratorSpec(words=256), channels=4)
    state = renamed(weights("ssa_gan", "generator"), NAMES)
    for name in ("output.convolution.weight", "output.convolution.bias"):
        state[name] = state[name] * rgb_scale
    generator.load_state_dict(state)
    return generator


def prompt() -> Prompt:
    """The official sentences; the generator reads no words."""
    sentence = 0.5 * normal("sentence", 3, 256)
    return Prompt(torch.zeros(3, 256, 1), sentence, torch.zeros(3, 1, dtype=torch.bool))


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_images(mode: str) -> None:
    expected = vectors("ssa_gan", f"generator_{mode}")
    generator = official_generator(expected["rgb_scale"]).train(mode == "train")
    with torch.no_grad():
        image = generator(expected["noise"], prompt()).images[0]
    assert_near(image[..., ::13, ::13], expected["image_every13"])
    assert_near(image.mean(dim=(2, 3)), expected["image_mean"])
    assert_near(image.std(dim=(2, 3)), expected["image_std"])


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_masks_of_every_size(mode: str) -> None:
    expected = vectors("ssa_gan", f"generator_{mode}")
    generator = official_generator(expected["rgb_scale"]).train(mode == "train")
    with torch.no_grad():
        masks = generator.masks(expected["noise"], prompt())
    assert [mask.shape[-1] for mask in masks] == list(STEPS)
    for mask, (size, step) in zip(masks, STEPS.items(), strict=True):
        assert_near(mask[:, None, ::step, ::step], expected[f"mask{size}_every{step}"])
        assert_near(mask.mean(dim=(1, 2))[:, None], expected[f"mask{size}_mean"])


def test_the_published_size() -> None:
    with torch.device("meta"):
        generator = SemanticSpatialGenerator(GeneratorSpec(words=256))
    assert sum(parameter.numel() for parameter in generator.parameters()) == 29_494_273
    assert generator.image_sizes == (256,)
