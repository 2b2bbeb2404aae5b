"""The matching and conditioning terms of the generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from attnforge_attngan.losses.damsm import DamsmLoss
from attnforge_attngan.losses.matching import matching_terms
from attnforge_gan.divergence import ConditioningLoss
from known_steps import SPEC, step_of
from torch import Tensor, nn

from attnforge.errors import RecipeError
from attnforge.interfaces import (
    AdversarialStep,
    Condition,
    GeneratorOutput,
    ImageFeatures,
    Loss,
    TextFeatures,
)


class Encoder(nn.Module):
    """Four channels from three; the image vector is the mean of the regions."""

    def __init__(self) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, 4, 2, stride=2)

    def forward(self, images: Tensor) -> ImageFeatures:
        regions: Tensor = self.projection(images)
        return ImageFeatures(regions=regions, image=regions.mean(dim=(2, 3)))


@pytest.fixture
def step() -> AdversarialStep:
    torch.manual_seed(0)
    images = tuple(torch.randn(3, 3, size, size).requires_grad_() for size in (4, 8))
    mean, logvar = torch.randn(2, 3, 5).requires_grad_()
    return step_of(
        real=tuple(image.detach() for image in images),
        fake=GeneratorOutput(images, (), Condition(mean, mean, logvar)),
        text=TextFeatures(
            words=torch.randn(3, 4, 6),
            sentence=torch.randn(3, 4),
            padding=torch.arange(6) >= torch.tensor([[6], [1], [3]]),
        ),
        class_ids=torch.tensor([0, 1, 0]),
        discriminators=(),
        image_encoder=Encoder(),
    )


def test_damsm_weighs_the_sum_of_the_four_terms_of_the_last_image(step: AdversarialStep) -> None:
    for masked in (True, False):
        loss = DamsmLoss(SPEC, weight=7, gamma1=3, gamma2=2, gamma3=4, mask_same_class=masked)
        terms = matching_terms(
            step.prompt,
            step.image_encoder(step.fake.images[-1]),
            class_ids=step.batch.class_ids if masked else None,
            gamma1=3,
            gamma2=2,
            gamma3=4,
        )
        expected = 7 * sum(term.item() for term in terms.values())
        assert loss.generator(step)["damsm"].item() == pytest.approx(expected)


def test_damsm_looks_at_the_images_through_noise_of_the_asked_strength(step: AdversarialStep) -> None:
    seen: list[Tensor] = []

    def look(images: Tensor) -> ImageFeatures:
        seen.append(images)
        return Encoder()(images)

    noisy = dataclasses.replace(step, image_encoder=look)
    for strength in (0.0, 0.5):
        torch.manual_seed(3)
        DamsmLoss(SPEC, image_noise=strength).generator(noisy)
        torch.manual_seed(3)
        expected = step.fake.images[-1] + strength * torch.randn(3, 3, 8, 8)
        torch.testing.assert_close(seen.pop(), expected)


def test_damsm_teaches_the_last_image_alone_and_no_discriminator(step: AdversarialStep) -> None:
    loss = DamsmLoss(SPEC)
    assert isinstance(loss, Loss)
    assert loss.discriminator(step) == {}
    (term,) = loss.generator(step).values()
    first, last = torch.autograd.grad(term, step.fake.images, allow_unused=True)
    assert first is None
    assert last is not None
    assert last.isfinite().all()
    assert (last != 0).any()


def test_conditioning_is_the_official_divergence(
    golden: Callable[[str], dict[str, Tensor]], step: AdversarialStep
) -> None:
    given = golden("kl")
    condition = Condition(given["mu"], given["mu"], given["logvar"])
    official = step_of(
        real=(),
        fake=GeneratorOutput((), (), condition),
        text=step.prompt,
        class_ids=step.batch.class_ids,
        discriminators=(),
        image_encoder=step.image_encoder,
    )
    (term,) = ConditioningLoss(SPEC, weight=2).generator(official).values()
    assert term.item() == pytest.approx(2 * given["kl"].item(), rel=1e-5)


def test_conditioning_is_the_mean_divergence_of_two_gaussians(step: AdversarialStep) -> None:
    loss = ConditioningLoss(SPEC)
    condition = step.fake.condition
    assert condition is not None
    drawn_from = torch.distributions.Normal(condition.mean, (condition.logvar / 2).exp())
    standard = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    expected = torch.distributions.kl_divergence(drawn_from, standard).mean()
    torch.testing.assert_close(loss.generator(step)["conditioning"], expected)
    assert loss.discriminator(step) == {}


def test_conditioning_refuses_a_generator_without_a_condition() -> None:
    with pytest.raises(RecipeError, match="no-condition"):
        ConditioningLoss(dataclasses.replace(SPEC, condition=None))


def test_matching_refuses_a_recipe_without_an_image_encoder() -> None:
    with pytest.raises(RecipeError, match="no-image-encoder"):
        DamsmLoss(dataclasses.replace(SPEC, image_encoder=False))
