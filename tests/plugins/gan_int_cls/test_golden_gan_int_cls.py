"""With official weights, GAN-INT-CLS's networks, losses and steps give the official numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from attnforge_gan_int_cls.discriminator import MatchingAwareDiscriminator
from attnforge_gan_int_cls.generator import DeepConvolutionalGenerator
from attnforge_gan_int_cls.interpolation import Interpolation, with_sentences
from attnforge_gan_int_cls.losses import MatchingAwareLoss, generator_loss, loss_of_fake, loss_of_real
from golden_vectors import GOLDEN, assert_near, vectors
from official_gan_int_cls import (
    SYSTEM,
    gradient_norms,
    official_discriminator,
    official_generator,
    official_images,
    prompt_of,
)
from torch import Tensor, nn

from attnforge.adversarial.task import AdversarialTask
from attnforge.interfaces import Prompt, TextFeatures
from attnforge.specs import DiscriminatorSpec, GeneratorSpec, LossSpec
from attnforge.testing.checks.task import batch
from attnforge.testing.examples.specs import spec_for

LOSS_SPEC = LossSpec(words=48, vocabulary_size=9, image_sizes=(64,), unconditional=False, image_encoder=False)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_images(mode: str) -> None:
    expected = vectors(SYSTEM, f"generator_{mode}")
    generator = official_generator().train(mode == "train")
    with torch.no_grad():
        image = generator(expected["noise"], prompt_of(expected["text"])).images[0]
    assert_near(image[..., ::3, ::3], expected["image_every3"])
    assert_near(image.mean(dim=(2, 3)), expected["image_mean"])
    assert_near(image.std(dim=(2, 3)), expected["image_std"])


@pytest.mark.parametrize("name", ["discriminator", "discriminator_main_cls"])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_scores(name: str, mode: str) -> None:
    expected = vectors(SYSTEM, name)
    discriminator = official_discriminator(name).train(mode == "train")
    with torch.no_grad():
        logits = discriminator(official_images("real64"), prompt_of(expected["text"]))
    assert_near(logits.sigmoid()[:, None], expected[f"score_{mode}"])


def discriminator_losses(
    network: MatchingAwareDiscriminator, prompt: Prompt, fake: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The three terms of a closure, whose wrong images are other images and not of the batch."""
    real = loss_of_real(network(official_images("real64"), prompt))
    wrong = loss_of_fake(network(official_images("wrong64"), prompt))
    return real, wrong, loss_of_fake(network(fake, prompt))


@pytest.mark.parametrize("suffix", ["", "_zeroed"])
def test_losses(suffix: str) -> None:
    expected = vectors(SYSTEM, "losses")
    discriminator = official_discriminator(official_bias="zero" if suffix else "train").train()
    loss = MatchingAwareLoss(LOSS_SPEC, mismatched_share=float(expected["cls_weight"]))
    prompt = prompt_of(expected["text"])
    real, wrong, fake = discriminator_losses(discriminator, prompt, official_images("fake64"))
    total = loss.total(real, wrong, fake)
    for name, value in {
        "real": real,
        "wrong_weighted": loss.mismatched_share * wrong,
        "fake_weighted": (1 - loss.mismatched_share) * fake,
        "discriminator": total,
    }.items():
        torch.testing.assert_close(value, expected[name + suffix], rtol=1e-4, atol=0)
    total.backward()
    norms = gradient_norms(discriminator, "discriminator")
    assert_norms_near(norms, expected[f"grad_norms_discriminator{suffix}"])

    images = official_images("fake64_interp", 6).requires_grad_()
    longer = Interpolation().added_to(prompt)
    logits = discriminator(images, longer)
    value = generator_loss(logits, captions=4, weight=float(expected["interp_weight"]))
    torch.testing.assert_close(value, expected[f"generator{suffix}"], rtol=1e-4, atol=0)
    value.backward()
    assert images.grad is not None
    assert_near(images.grad[..., ::3, ::3], expected[f"grad_fake_interp_every3{suffix}"], tolerance=1e-3)


def test_interpolated_sentences() -> None:
    expected = vectors(SYSTEM, "text")
    prompt = prompt_of(expected["mean_replicate0"])
    assert_near(Interpolation().added_to(prompt).sentence, expected["interp_type1"])
    first, second = prompt.sentence[:2], prompt.sentence[2:]
    between = first + (0.5 + expected["alpha"]) * (second - first)
    assert_near(with_sentences(prompt, between).sentence, expected["interp_type2"])


class Table(nn.Module):
    """A text encoder whose sentences are rows of a table."""

    dim = 48

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)

    def forward(self, tokens: Tensor, lengths: Tensor) -> TextFeatures:
        words = self.rows[tokens].transpose(1, 2)
        return TextFeatures(words=words, sentence=words[:, :, 0], padding=torch.zeros_like(tokens).bool())


def test_the_mean_of_several_captions_of_an_image() -> None:
    expected = vectors(SYSTEM, "text")
    assert int(expected["num_caption"]) == 2
    task = AdversarialTask(replace(spec_for("task", GOLDEN), text=Table(expected["raw"])))
    rows = torch.arange(8).view(4, 2)  # two captions of each image
    one = torch.ones(4, dtype=torch.long)
    captions = replace(
        batch(), tokens=rows[:, :1], lengths=one, other_tokens=rows[None, :, 1:], other_lengths=one[None]
    )
    prompt = task.encode(captions)
    assert_near(prompt.sentence, expected["mean_replicate0"])
    assert torch.equal(prompt.words[:, :, 0], expected["raw"][::2])


def test_one_step_of_training() -> None:
    expected = vectors(SYSTEM, "step")
    generator = official_generator(official_bias="zero").train()
    discriminator = official_discriminator(official_bias="zero").train()
    loss = MatchingAwareLoss(LOSS_SPEC, mismatched_share=float(expected["cls_weight"]))
    prompt = prompt_of(expected["text"])
    fake = generator(expected["noise"], prompt).images[0].detach()
    total = loss.total(*discriminator_losses(discriminator, prompt, fake))
    torch.testing.assert_close(total, expected["discriminator"], rtol=1e-4, atol=0)
    total.backward()
    norms = gradient_norms(discriminator, "discriminator")
    assert_norms_near(norms, expected["grad_norms_discriminator"])
    torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999)).step()
    longer = Interpolation().added_to(prompt)
    images = generator(expected["noise_interp"], longer).images[0]
    value = generator_loss(discriminator(images, longer), captions=4, weight=float(expected["interp_weight"]))
    torch.testing.assert_close(value, expected["generator_after_D_step"], rtol=1e-3, atol=0)
    value.backward()
    assert_norms_near(gradient_norms(generator, "generator"), expected["grad_norms_generator"])


def test_the_optimizer_is_torch7s() -> None:
    expected = vectors(SYSTEM, "adam_torch7")
    weight = nn.Parameter(expected["x0"].clone())
    betas = (float(expected["beta1"]), float(expected["beta2"]))
    optimizer = torch.optim.Adam([weight], lr=float(expected["lr"]), betas=betas)
    for gradient, after in zip(expected["grads"], expected["xs"], strict=True):
        weight.grad = gradient.clone()
        optimizer.step()
        assert_near(weight.detach(), after)


@pytest.mark.parametrize(
    ("data", "generator_channels", "discriminator_channels", "program"),
    [("cub", 128, 64, "birds"), ("flowers", 128, 64, "birds"), ("coco", 196, 196, "photographs")],
)
def test_parameters_of_the_published_sizes(
    data: str, generator_channels: int, discriminator_channels: int, program: str
) -> None:
    counts = json.loads((GOLDEN / SYSTEM / "parameter_counts.json").read_text())[data]
    with torch.device("meta"):
        generator = DeepConvolutionalGenerator(GeneratorSpec(words=1024), channels=generator_channels)
        discriminator = MatchingAwareDiscriminator(
            DiscriminatorSpec(image_size=64, sentence=1024),
            channels=discriminator_channels,
            program=program,  # type: ignore[arg-type]
        )
    assert sum(weight.numel() for weight in generator.parameters()) == counts["G"]
    assert sum(weight.numel() for weight in discriminator.parameters()) == counts["D"]


def assert_norms_near(norms: Tensor, expected: Tensor) -> None:
    """The same norms of gradients, up to a thousandth, and rounding where they cancel."""
    torch.testing.assert_close(norms, expected, rtol=1e-3, atol=1e-5 * float(expected.max()))
