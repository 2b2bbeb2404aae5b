"""With official weights, DF-GAN's networks and penalty give the official numbers."""

from __future__ import annotations

import re

import pytest
import torch
from attnforge_df_gan.discriminator import OneWayDiscriminator
from attnforge_df_gan.generator import DeepFusionGenerator
from attnforge_df_gan.penalty import MatchingAwarePenalty, matching_gradients
from attnforge_gan.losses import HingeLoss
from golden_vectors import assert_near, normal, vectors
from official_df_gan import (
    DISCRIMINATOR,
    GENERATOR,
    LOSS_SPEC,
    adversarial_step,
    gradient_norms,
    official_discriminator,
    official_generator,
    official_images,
    parameter_names,
    prompt_of,
    ssa_gan_discriminator,
)
from torch import Tensor

from attnforge.specs import DiscriminatorSpec, GeneratorSpec

PARTS = [
    *parameter_names("discriminator", DISCRIMINATOR),
    *parameter_names("predictor", DISCRIMINATOR),
]
"""The discriminator's parameters, in the official order."""


def assert_image_near(image: Tensor, expected: dict[str, Tensor], name: str) -> None:
    """The image, or its gradient, agrees where the official one was stored."""
    assert_near(image[..., ::13, ::13], expected[f"{name}_every13"])
    assert_near(image.mean(dim=(2, 3)), expected[f"{name}_mean"])
    assert_near(image.std(dim=(2, 3)), expected[f"{name}_std"])


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_images(mode: str) -> None:
    expected = vectors("df_gan", f"generator_{mode}")
    generator = official_generator(expected["rgb_scale"]).train(mode == "train")
    with torch.no_grad():
        image = generator(expected["noise"], prompt_of(expected["sentence"])).images[0]
    assert_image_near(image, expected, "image")


def test_images_while_the_affine_transformations_have_their_initial_values() -> None:
    expected = vectors("df_gan", "generator_initial_affine")
    generator = official_generator(expected["rgb_scale"])
    initial = DeepFusionGenerator(GeneratorSpec(words=20), channels=4, noise=12).state_dict()
    last_layers = {name: value for name, value in initial.items() if re.search(r"(scale|shift)\.2\.", name)}
    assert len(last_layers) == 6 * 4 * 2 * 2
    generator.load_state_dict(generator.state_dict() | last_layers)
    with torch.no_grad():
        image = generator(expected["noise"], prompt_of(expected["sentence"])).images[0]
    assert_image_near(image, expected, "image")


def test_logits() -> None:
    expected = vectors("df_gan", "discriminator")
    discriminator = official_discriminator(expected["score_scale"])
    with torch.no_grad():
        features = discriminator.features(official_images("real"))
        logits = discriminator.logits(features, prompt_of(expected["sentence"]))
    assert_near(features, expected["features"])
    assert_near(logits, expected["score"].flatten())


def test_logits_of_ssa_gan() -> None:
    expected = vectors("df_gan", "ssa_gan_discriminator")
    discriminator = ssa_gan_discriminator()
    with torch.no_grad():
        features = discriminator.features(official_images("real"))
        logits = discriminator.logits(features, prompt_of(0.5 * normal("sentence", 3, 256)))
    assert_near(features, expected["features"])
    assert_near(logits, expected["score"].flatten())


def test_penalty() -> None:
    expected = vectors("df_gan", "ma_gp")
    discriminator = official_discriminator(expected["score_scale"])
    step = adversarial_step(official_images("real"), prompt_of(expected["sentence"]), discriminator)
    by_image, by_sentence = matching_gradients(discriminator, step.real[0], step.prompt)
    assert_image_near(by_image, expected, "grad_image")
    assert_near(by_sentence, expected["grad_sentence"])
    norms = torch.cat((by_image.flatten(1), by_sentence), dim=1).norm(dim=1)
    torch.testing.assert_close(norms, expected["norm"], rtol=1e-4, atol=0)
    penalty = MatchingAwarePenalty(LOSS_SPEC).discriminator(step)["matching-aware penalty 256"]
    torch.testing.assert_close(penalty, expected["value"], rtol=1e-4, atol=0)
    penalty.backward()
    assert_norms_near(
        gradient_norms(discriminator, PARTS),
        torch.cat((expected["grad_norms_discriminator"], expected["grad_norms_predictor"])),
    )


def test_penalty_of_ssa_gan() -> None:
    expected = vectors("df_gan", "ssa_gan_losses")
    discriminator = ssa_gan_discriminator()
    sentence = prompt_of(0.5 * normal("sentence", 3, 256))
    step = adversarial_step(official_images("real"), sentence, discriminator)
    penalty = MatchingAwarePenalty(LOSS_SPEC).discriminator(step)["matching-aware penalty 256"]
    torch.testing.assert_close(penalty, expected["ma_gp"], rtol=1e-4, atol=0)
    penalty.backward()
    names = parameter_names("ssa_gan_discriminator", DISCRIMINATOR)
    assert_norms_near(gradient_norms(discriminator, names), expected["grad_norms_ma_gp"])


def test_one_step_of_training() -> None:
    """Hinge, mismatched captions and penalty, one step of Adam, then the generator's loss and gradients."""
    expected = vectors("df_gan", "step")
    discriminator = official_discriminator(expected["score_scale"])
    generator = official_generator(expected["rgb_scale"])
    prompt = prompt_of(expected["sentence"])
    fake = generator(expected["noise"], prompt)
    step = adversarial_step(official_images("real"), prompt, discriminator, fake=fake, generator=generator)
    hinge = HingeLoss(LOSS_SPEC, mismatch="circular")
    penalty = MatchingAwarePenalty(LOSS_SPEC).discriminator(step)["matching-aware penalty 256"]
    torch.testing.assert_close(penalty, expected["ma_gp"], rtol=1e-4, atol=0)
    total = penalty + hinge.discriminator(step)["adversarial 256"]
    torch.testing.assert_close(total, expected["discriminator"], rtol=1e-4, atol=0)
    total.backward()
    assert_norms_near(
        gradient_norms(discriminator, PARTS),
        torch.cat((expected["grad_norms_discriminator"], expected["grad_norms_predictor"])),
    )
    before = hinge.generator(step)["adversarial 256"]
    torch.testing.assert_close(before, expected["generator_before_D_step"], rtol=1e-4, atol=0)
    torch.optim.Adam(discriminator.parameters(), lr=4e-4, betas=(0.0, 0.9)).step()
    after = hinge.generator(step)["adversarial 256"]
    torch.testing.assert_close(after, expected["generator_after_D_step"], rtol=1e-3, atol=0)
    after.backward()
    names = parameter_names("generator", GENERATOR)
    assert_norms_near(gradient_norms(generator, names), expected["grad_norms_generator"])


@pytest.mark.parametrize("name", ["real", "negative"])
def test_hinge(name: str) -> None:
    expected = vectors("df_gan", "hinge")
    hinge = HingeLoss(LOSS_SPEC)
    loss = {"real": hinge.real_loss, "negative": hinge.fake_loss}[name]
    torch.testing.assert_close(loss(expected["scores"]), expected[name])


@pytest.mark.parametrize(
    ("options", "sentence", "count"),
    [
        ({}, 256, 6_619_206 + 295_936),
        ({"channels": 64, "max_channels": 1024}, 256, 80_379_526),
    ],
    ids=["df-gan", "ssa-gan"],
)
def test_the_published_sizes_of_discriminators(options: dict[str, int], sentence: int, count: int) -> None:
    spec = DiscriminatorSpec(image_size=256, sentence=sentence)
    with torch.device("meta"):
        discriminator = OneWayDiscriminator(spec, unused_shortcuts=True, **options)
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == count


def test_the_published_size_of_the_generator() -> None:
    with torch.device("meta"):
        generator = DeepFusionGenerator(GeneratorSpec(words=256))
    assert sum(parameter.numel() for parameter in generator.parameters()) == 9_744_131
    assert generator.image_sizes == (256,)


def test_the_residuals_of_a_new_discriminator_have_no_weight_yet() -> None:
    discriminator = OneWayDiscriminator(DiscriminatorSpec(image_size=64, sentence=4), channels=2)
    assert [block.gain.item() for block in discriminator.blocks] == [0.0] * 4


def assert_norms_near(actual: Tensor, expected: Tensor) -> None:
    """Each norm is right to 1e-3 of its size; 0 is also what rounding leaves of the largest norm."""
    torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-6 * float(expected.max()))
