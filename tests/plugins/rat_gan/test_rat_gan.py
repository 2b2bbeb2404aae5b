"""The generator `rat-gan`: its recurrent conditions, its blocks, and what its options do."""

from __future__ import annotations

import pytest
import torch
from attnforge_rat_gan.discriminator import SpatialAttentionDiscriminator
from attnforge_rat_gan.generator import RecurrentAffineGenerator, block_widths
from attnforge_rat_gan.recurrence import RecurrentConditions
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import Prompt
from attnforge.specs import DiscriminatorSpec, GeneratorSpec

SPEC = GeneratorSpec(words=6)


def small() -> RecurrentAffineGenerator:
    """A generator of 32 pixels with its initial weights."""
    torch.manual_seed(1)
    return RecurrentAffineGenerator(SPEC, image_size=32, channels=2, noise=5, hidden=7).eval()


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
        RecurrentAffineGenerator(SPEC, image_size=size)
    assert [problem.code for problem in raised.value.problems] == ["image-size"]


def test_the_recurrence_is_an_lstm() -> None:
    ours = RecurrentConditions(sentence=6, noise=5, hidden=7)
    theirs = nn.LSTMCell(6, 7)
    theirs.load_state_dict(
        {
            "weight_ih": ours.read.weight,
            "bias_ih": ours.read.bias,
            "weight_hh": ours.recur.weight,
            "bias_hh": torch.zeros(28),
        }
    )
    sentence = prompt().sentence
    with torch.no_grad():
        state = (ours.first_hidden(noise()), ours.first_cell(noise()))
        for condition in ours(noise(), sentence, layers=3):
            state = theirs(sentence, state)
            torch.testing.assert_close(condition, state[0])


def test_at_first_only_shortcuts_reach_the_image() -> None:
    generator = small()
    for block in generator.blocks:
        assert not block.scale.any()
        for layer in block.affine:
            assert not layer.gain[-1].weight.any()
            assert (layer.gain[-1].bias == 1).all()
            assert not layer.bias[-1].weight.any()
            assert not layer.bias[-1].bias.any()
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
    gradient = generator.conditions.read.weight.grad
    assert gradient is not None
    assert gradient.any()


def test_two_calls_share_no_state() -> None:
    generator = small()
    for parameter in generator.parameters():
        nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        first = generator(noise(), prompt()).images[0]
        generator(noise() + 1, prompt(seed=4))
        assert torch.equal(first, generator(noise(), prompt()).images[0])


def test_words_are_not_read() -> None:
    generator, asked = small(), prompt()
    for parameter in generator.parameters():
        nn.init.normal_(parameter, std=0.5)
    other = Prompt(asked.words + 1, asked.sentence, asked.padding)
    with torch.no_grad():
        output = generator(noise(), asked, return_attention=True)
        assert torch.equal(output.images[0], generator(noise(), other).images[0])
    assert output.attention == ()
    assert output.condition is None


@pytest.mark.parametrize("size", [8, 48, 255])
def test_the_discriminator_refuses_other_image_sizes(size: int) -> None:
    with pytest.raises(RecipeError) as raised:
        SpatialAttentionDiscriminator(DiscriminatorSpec(image_size=size, sentence=6))
    assert [problem.code for problem in raised.value.problems] == ["image-size"]


def test_the_discriminator_needs_a_prompt() -> None:
    network = SpatialAttentionDiscriminator(DiscriminatorSpec(image_size=16, sentence=6), channels=2)
    assert not network.unconditional
    with pytest.raises(RecipeError) as raised:
        network.logits(network.features(torch.zeros(2, 3, 16, 16)), None)
    assert [problem.code for problem in raised.value.problems] == ["no-unconditional-head"]


def test_attention_is_a_share_of_each_pixel_and_depends_on_image_and_sentence() -> None:
    network = SpatialAttentionDiscriminator(DiscriminatorSpec(image_size=16, sentence=6), channels=2)
    torch.manual_seed(6)
    features = network.features(torch.randn(2, 3, 16, 16))
    attention = network.attention(features, prompt())
    torch.testing.assert_close(attention.sum(dim=(1, 2)), torch.ones(2))
    assert not torch.equal(attention, network.attention(features, prompt(seed=4)))
    assert not torch.equal(attention, network.attention(features + 1, prompt()))
