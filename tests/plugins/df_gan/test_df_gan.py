"""DF-GAN's parts at other sizes than the published one, and the penalty against its definition."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from attnforge_df_gan.discriminator import OneWayDiscriminator
from attnforge_df_gan.generator import DeepFusionGenerator
from attnforge_df_gan.penalty import MatchingAwarePenalty, matching_gradients
from official_df_gan import LOSS_SPEC, adversarial_step, prompt_of
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import Discriminator, Generator, Loss, Prompt
from attnforge.specs import DiscriminatorSpec, GeneratorSpec

NAME = "matching-aware penalty 8"


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def small_discriminator(size: int = 8, **options: Any) -> OneWayDiscriminator:
    """A discriminator whose residuals have weight, unlike at first."""
    torch.manual_seed(0)
    network = OneWayDiscriminator(DiscriminatorSpec(image_size=size, sentence=5), channels=2, **options)
    for block in network.blocks:
        nn.init.constant_(block.gain, 0.7)
    return network


class Linear(nn.Module):
    """A discriminator with one logit a pixel, linear in image and sentence."""

    unconditional = False

    def __init__(self, *, by_image: float, by_sentence: float | None) -> None:
        super().__init__()
        self.by_image = nn.Parameter(torch.tensor(by_image))
        self.by_sentence = None if by_sentence is None else nn.Parameter(torch.tensor(by_sentence))

    def features(self, images: Tensor) -> Tensor:
        return images

    def logits(self, features: Tensor, prompt: Prompt | None) -> Tensor:
        logits = self.by_image * features.sum(dim=1)
        if self.by_sentence is None or prompt is None:
            return logits
        return logits + self.by_sentence * prompt.sentence.sum(dim=1)[:, None, None]


def penalty(network: nn.Module, **options: Any) -> Tensor:
    assert isinstance(network, Discriminator)
    step = adversarial_step(random(3, 3, 8, 8), prompt_of(random(3, 5, seed=1)), network)
    terms = MatchingAwarePenalty(LOSS_SPEC, **options).discriminator(step)
    assert list(terms) == [NAME]
    return terms[NAME]


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        (8, [8, 4]),
        (64, [32, 32, 16, 8, 4]),
        (128, [32, 32, 32, 16, 8, 4]),
        (256, [32, 32, 32, 32, 16, 8, 4]),
    ],
)
def test_image_sizes_of_the_generator(size: int, widths: list[int]) -> None:
    generator = DeepFusionGenerator(GeneratorSpec(words=5), image_size=size, channels=4, noise=3)
    assert isinstance(generator, Generator)
    assert generator.image_sizes == (size,)
    assert [block.first.in_channels for block in generator.blocks] == widths[:-1]
    assert [block.first.out_channels for block in generator.blocks] == widths[1:]
    with torch.no_grad():
        output = generator(random(2, 3), prompt_of(random(2, 5)))
    assert [tuple(image.shape) for image in output.images] == [(2, 3, size, size)]
    assert output.attention == ()


@pytest.mark.parametrize("size", [8, 64, 128])
def test_image_sizes_of_the_discriminator(size: int) -> None:
    network = small_discriminator(size, max_channels=6)
    assert isinstance(network, Discriminator)
    features = network.features(random(2, 3, size, size))
    assert features.shape[2:] == (4, 4)
    assert features.shape[1] == min(2 * size // 4, 6)
    assert network.logits(features, prompt_of(random(2, 5))).shape == (2,)


@pytest.mark.parametrize("size", [4, 48, 100])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(RecipeError, match=f"images of {size} x {size}") as raised:
        DeepFusionGenerator(GeneratorSpec(words=5), image_size=size)
    assert [problem.code for problem in raised.value.problems] == ["image-size"]
    with pytest.raises(RecipeError, match=f"images of {size} x {size}"):
        OneWayDiscriminator(DiscriminatorSpec(image_size=size, sentence=5))


def test_a_one_way_discriminator_asks_for_a_prompt() -> None:
    network = small_discriminator()
    assert network.unconditional is False
    with pytest.raises(RecipeError) as raised:
        network.logits(network.features(random(1, 3, 8, 8)), None)
    assert [problem.code for problem in raised.value.problems] == ["no-unconditional-head"]


def test_a_new_generator_ignores_the_sentence_until_its_affine_transformations_learn() -> None:
    generator = DeepFusionGenerator(GeneratorSpec(words=5), image_size=8, channels=2, noise=3)
    noise, first, second = random(2, 3), prompt_of(random(2, 5)), prompt_of(random(2, 5, seed=1))
    assert torch.equal(generator(noise, first).images[0], generator(noise, second).images[0])
    generator(noise, first).images[0].square().sum().backward()
    torch.optim.SGD(generator.parameters(), lr=0.01).step()
    assert not torch.equal(generator(noise, first).images[0], generator(noise, second).images[0])


def test_unused_shortcuts_are_frozen_and_change_nothing() -> None:
    network, lean = small_discriminator(64, unused_shortcuts=True), small_discriminator(64)
    lean.load_state_dict(network.state_dict(), strict=False)
    images, prompt = random(2, 3, 64, 64), prompt_of(random(2, 5))
    assert torch.equal(network(images, prompt), lean(images, prompt))
    frozen = {name for name, weight in network.named_parameters() if not weight.requires_grad}
    assert frozen == set(network.state_dict()) - set(lean.state_dict())
    assert frozen == {"blocks.3.shortcut.weight", "blocks.3.shortcut.bias"}


@pytest.mark.parametrize(("weight", "power"), [(2.0, 6.0), (1.0, 2.0), (0.5, 3.0)])
def test_the_penalty_of_a_linear_discriminator(weight: float, power: float) -> None:
    """The gradient of the mean logit is known: 0.3 / 64 at 192 pixel values, 0.2 at 5 of the sentence."""
    norm = (192 * (0.3 / 64) ** 2 + 5 * 0.2**2) ** 0.5
    value = penalty(Linear(by_image=0.3, by_sentence=0.2), weight=weight, power=power)
    torch.testing.assert_close(value, torch.tensor(weight * norm**power))


def test_its_gradients_are_those_of_finite_differences() -> None:
    network = small_discriminator().double()
    images, sentence = random(3, 3, 8, 8).double(), random(3, 5, seed=1).double()
    step = adversarial_step(images, prompt_of(sentence), network)
    loss = MatchingAwarePenalty(LOSS_SPEC)

    def value(*weights: Tensor) -> Tensor:
        with torch.no_grad():
            for weight, changed in zip(network.parameters(), weights, strict=True):
                weight.copy_(changed)
        return loss.discriminator(step)[NAME]

    start = [weight.detach().clone() for weight in network.parameters()]
    total = value(*start)
    total.backward()
    for index, (name, weight) in enumerate(network.named_parameters()):
        direction = random(*weight.shape, seed=2).double()
        ends = []
        for sign in (1, -1):
            moved = [*start]
            moved[index] = start[index] + sign * 1e-6 * direction
            ends.append(float(value(*moved).detach()))
        slope = (ends[0] - ends[1]) / 2e-6
        gradient = 0.0 if weight.grad is None else float((weight.grad * direction).sum())
        assert gradient == pytest.approx(slope, rel=1e-4, abs=1e-6 * total.item()), name


def test_it_is_finite_where_the_gradient_vanishes() -> None:
    network = Linear(by_image=0.0, by_sentence=0.0)
    value = penalty(network)
    value.backward()
    assert value.item() == 0
    assert [float(weight.grad) for weight in network.parameters() if weight.grad is not None] == [0, 0]


def test_autocast_does_not_round_it() -> None:
    network = small_discriminator()
    expected = penalty(network)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(penalty(network), expected)


def test_it_uses_real_images_with_their_own_captions() -> None:
    network = small_discriminator()
    images, prompt = random(3, 3, 8, 8), prompt_of(random(3, 5, seed=1))
    term = MatchingAwarePenalty(LOSS_SPEC).discriminator(adversarial_step(images, prompt, network))[NAME]
    by_image, by_sentence = matching_gradients(network, images, prompt)
    norms = torch.cat((by_image.flatten(1), by_sentence), dim=1).norm(dim=1)
    torch.testing.assert_close(term, 2 * norms.pow(6).mean())
    alone = [
        matching_gradients(network, images[row : row + 1], prompt_of(prompt.sentence[row : row + 1]))[0]
        for row in range(3)
    ]
    torch.testing.assert_close(by_image, torch.cat(alone))


def test_a_discriminator_without_sentences_is_refused() -> None:
    with pytest.raises(RecipeError, match="uses the sentence") as raised:
        penalty(Linear(by_image=1.0, by_sentence=None))
    assert [problem.code for problem in raised.value.problems] == ["sentence-unused"]


def test_the_generator_has_no_term() -> None:
    loss = MatchingAwarePenalty(LOSS_SPEC)
    assert isinstance(loss, Loss)
    step = adversarial_step(random(2, 3, 8, 8), prompt_of(random(2, 5)), small_discriminator())
    assert loss.generator(step) == {}
