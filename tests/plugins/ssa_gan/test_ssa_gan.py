"""The generator `ssa-gan`: its blocks, its masks, and what its options do."""

from __future__ import annotations

import pytest
import torch
from attnforge_ssa_gan.generator import SemanticSpatialGenerator, block_widths
from attnforge_ssa_gan.normalisation import SemanticSpatialNorm
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import Prompt
from attnforge.specs import GeneratorSpec

SPEC = GeneratorSpec(words=6)


def small() -> SemanticSpatialGenerator:
    """A generator of 32 pixels with its initial weights."""
    torch.manual_seed(1)
    return SemanticSpatialGenerator(
        SPEC, image_size=32, channels=2, noise=5, hidden=7, mask_channels=3
    ).eval()


def trained() -> SemanticSpatialGenerator:
    """A generator none of whose weights is zero."""
    generator = small()
    for parameter in generator.parameters():
        nn.init.normal_(parameter, std=0.5)
    return generator


def prompt(rows: int = 2, *, seed: int = 3) -> Prompt:
    """Prompts of two words."""
    torch.manual_seed(seed)
    return Prompt(torch.randn(rows, 6, 2), torch.randn(rows, 6), torch.zeros(rows, 2, dtype=torch.bool))


def noise(rows: int = 2) -> Tensor:
    torch.manual_seed(5)
    return torch.randn(rows, 5)


@pytest.mark.parametrize(
    ("size", "factors"),
    [(8, [2, 2, 1]), (64, [8, 8, 8, 4, 2, 1]), (256, [8, 8, 8, 8, 8, 4, 2, 1])],
)
def test_widths_double_towards_the_noise_up_to_eight_times(size: int, factors: list[int]) -> None:
    assert block_widths(size, channels=3) == [3 * factor for factor in factors]


@pytest.mark.parametrize("size", [4, 48, 255])
def test_other_image_sizes_are_refused(size: int) -> None:
    with pytest.raises(RecipeError) as raised:
        SemanticSpatialGenerator(SPEC, image_size=size)
    assert [problem.code for problem in raised.value.problems] == ["image-size"]


def test_at_first_only_shortcuts_reach_the_image() -> None:
    generator = small()
    for block in generator.blocks:
        assert not block.scale.any()
        for norm in (block.first_norm, block.second_norm):
            for layers in (norm.gain, norm.bias):
                assert not layers[-1].weight.any()
                assert not layers[-1].bias.any()
    with torch.no_grad():
        first = generator(noise(), prompt(seed=3)).images[0]
        second = generator(noise(), prompt(seed=4)).images[0]
    assert torch.equal(first, second)


def test_training_reaches_the_sentence_within_three_steps() -> None:
    generator = small().train()
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        generator(noise(), prompt()).images[0].square().mean().backward()
        optimizer.step()
    gradient = generator.blocks[0].first_norm.gain[0].weight.grad
    assert gradient is not None
    assert gradient.any()


def test_the_sentence_acts_only_where_the_mask_is_high() -> None:
    norm = SemanticSpatialNorm(4, sentence=6, hidden=7).eval()
    for layers in (norm.gain, norm.bias):
        nn.init.normal_(layers[-1].weight)
    torch.manual_seed(2)
    hidden, mask = torch.randn(2, 4, 3, 3), torch.zeros(2, 1, 3, 3)
    mask[..., 0] = 1
    plain = norm.normalisation(hidden)
    with torch.no_grad():
        output = norm(hidden, mask, prompt().sentence)
        gain, bias = (layers(prompt().sentence)[:, :, None] for layers in (norm.gain, norm.bias))
    assert torch.equal(output[..., 1:], plain[..., 1:])
    torch.testing.assert_close(output[..., 0], (1 + gain) * plain[..., 0] + bias)


def test_masks_are_shares_of_every_size_and_depend_on_the_prompt() -> None:
    generator = trained()
    with torch.no_grad():
        masks = generator.masks(noise(), prompt(seed=3))
        others = generator.masks(noise(), prompt(seed=4))
    assert [tuple(mask.shape) for mask in masks] == [(2, side, side) for side in (4, 8, 16, 32)]
    assert all(0 <= float(mask.min()) <= float(mask.max()) <= 1 for mask in masks)
    assert torch.equal(masks[0], others[0])  # made of noise alone
    assert not any(torch.equal(mask, other) for mask, other in zip(masks[1:], others[1:], strict=True))


def test_words_are_not_read() -> None:
    generator, asked = trained(), prompt()
    other = Prompt(asked.words + 1, asked.sentence, asked.padding)
    with torch.no_grad():
        output = generator(noise(), asked, return_attention=True)
        assert torch.equal(output.images[0], generator(noise(), other).images[0])
    assert output.attention == ()
    assert output.condition is None
